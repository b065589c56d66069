"""A real Label Studio server: started locally or reached by URL, and kept in step with the study."""
