"""The record beside the rule: what had to have a row, and what is found."""
