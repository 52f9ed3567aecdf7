"""The ports of the stores, and the bytes that they keep."""
