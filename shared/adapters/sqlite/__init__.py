"""Adapters of the embedded mode: one process, one folder, SQLite.

Import them from their modules: a worker process of a rebuild needs only the reader of the log file.
"""
