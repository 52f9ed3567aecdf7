"""Deadlines of a case, derived: start fact + clock rule + calendar -> due date. Never stored, never edited.

Pure functions of a case, a policy book and, where needed, an instant. One pass over the facts finds the episodes of all
clocks; the calendar caches the arithmetic.
"""
