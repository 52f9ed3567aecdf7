"""Security properties: one file for each kind of attack."""
