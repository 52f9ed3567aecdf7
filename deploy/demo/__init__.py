"""The demo county: an invented jurisdiction, its sample of cases and its simulation."""
