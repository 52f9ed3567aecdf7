"""The contract for other systems, generated from the code: JSON Schemas of all messages, and an AsyncAPI document."""
