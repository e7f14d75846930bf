"""Primitives of one process: threads, locks, forks, the garbage collector and the clock."""
