"""Measurements, each compared with a peer or a limit in the same run. `python -m bench` prints the table."""
