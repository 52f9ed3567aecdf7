"""History: cases from another system's export. Pure: (item, case) -> events; only recorder.py appends them.

A step that the export does not contain is unknown: it is never invented. An item that is imported again adds the steps that
are new and changes nothing else. What contradicts an earlier import is refused, with the field; nothing is overwritten.
"""
