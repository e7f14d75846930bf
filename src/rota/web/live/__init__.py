"""What changed, as it changes: one watcher for all listeners."""
