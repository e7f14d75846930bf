"""What a node does besides running tasks: watching for changes, retention, watching itself."""
