"""Claiming runs, running their attempts, recording how they ended."""
