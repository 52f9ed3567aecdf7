"""The full mode, measured beside bare clients on the same bytes and the same servers."""
