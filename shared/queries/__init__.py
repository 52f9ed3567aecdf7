"""What may be read: each query returns the model that the HTTP API publishes for it."""
