"""The formats of other annotation tools: a writer and a reader each."""
