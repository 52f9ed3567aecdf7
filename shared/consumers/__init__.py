"""How services follow the log: projections and reactions."""
