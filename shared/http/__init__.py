"""HTTP: the transport of commands and queries. It contains no domain rules."""
