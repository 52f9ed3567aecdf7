"""The four services as processes on real servers, with injected faults: `python -m tests.faults.full --help`."""
