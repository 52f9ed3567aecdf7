"""The contract that others build on, generated from the code: JSON Schemas of every message, and an AsyncAPI document."""
