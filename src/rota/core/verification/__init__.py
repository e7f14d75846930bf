"""Verification: compares the record with the rules, to find missing, double and impossible rows."""
