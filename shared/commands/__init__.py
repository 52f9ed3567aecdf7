"""Commands: what they are, and how they become events."""
