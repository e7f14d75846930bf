"""Streaming changes as they happen: one watcher for all listeners."""
