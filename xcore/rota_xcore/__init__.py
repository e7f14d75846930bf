"""What the import paths `cache` and `database` lead to, safe from packages of the same names."""
