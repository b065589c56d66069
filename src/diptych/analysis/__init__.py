"""What the report says: coverage and divergence, as pure functions over frames."""
