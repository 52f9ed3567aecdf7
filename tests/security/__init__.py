"""Security properties, one file for each kind."""
