"""Copying a whole ledger."""
