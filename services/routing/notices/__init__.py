"""Notices as documents: their content, their form in HTML and PDF, their numbers, and the file of a case."""
