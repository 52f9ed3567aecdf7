"""The four services as processes on real servers, broken on purpose: `python -m tests.faults.full --help`."""
