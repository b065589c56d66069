"""Tables of other tools ↔ records: pure codecs."""
