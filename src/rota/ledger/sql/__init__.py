"""Statements, and the mapping of rows to records."""
