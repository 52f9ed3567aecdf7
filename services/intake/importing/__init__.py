"""Reading other systems' exports: a file and a mapping become history items. Needs no server.

mapping.py   what the columns mean, written by a person        marks.py    columns that mark persons: dropped
reading.py   a file -> rows, whatever its format               rows.py     a row -> a history item, or why not
suggest.py   a first mapping from a sample                     rejects.py  the rows that could not be taken
running.py   the whole import, resumable
"""
