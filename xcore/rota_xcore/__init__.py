"""The code behind the import paths `cache` and `database`, out of reach of other packages of those
names."""
