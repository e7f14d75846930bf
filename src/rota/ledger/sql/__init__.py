"""Statements, and how rows become records."""
