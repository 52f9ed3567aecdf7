"""Signing in: what proves who a member of staff is."""
