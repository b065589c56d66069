"""How good a classifier is, and what each of its levers brings."""
