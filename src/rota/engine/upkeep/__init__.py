"""What a node does beside the runs: changes, retention, watching itself."""
