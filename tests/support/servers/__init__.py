"""The real servers of the full mode for tests: downloaded once, started on demand."""
