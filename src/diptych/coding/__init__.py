"""From codings to gold labels: the store, agreement between coders, the rule for gold."""
