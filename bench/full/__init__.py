"""The full mode, compared with bare clients on the same bytes and the same servers."""
