"""Import of other systems' exports: a file and a mapping become history items. Needs no server.

mapping.py             the meaning of the columns, written by a person
excluded_columns.py    columns that classify persons, which are never read
readers.py             a file -> rows, whatever its format
row_mapper.py          a row -> a history item, or an error
mapping_suggestion.py  a first mapping from a sample
rejects.py             the rows that were rejected
job.py                 the whole import, which can be resumed
"""
