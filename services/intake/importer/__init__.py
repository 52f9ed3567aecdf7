"""Import of other systems' exports: a file and a mapping become history items. Needs no server.

mapping.py   the meaning of the columns, written by a person   marks.py    columns that classify persons: never read
reading.py   a file -> rows, whatever its format               rows.py     a row -> a history item, or an error
suggest.py   a first mapping from a sample                     rejects.py  the rows that were rejected
running.py   the whole import, resumable
"""
