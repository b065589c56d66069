"""`diptych serve`: one process, one model, three doors: a page, a REST API, and Label Studio's ML backend."""
