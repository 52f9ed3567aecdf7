"""The rights of the services in MongoDB, as data."""
