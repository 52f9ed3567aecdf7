"""The real servers of the full mode for tests: fetched once, started where a test needs them."""
