"""The ledger in a SQLite file, or in memory."""
