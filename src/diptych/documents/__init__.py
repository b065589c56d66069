"""From documents to passages: reading, cutting, reviewed corrections."""
