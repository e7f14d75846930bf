"""What can be written: tasks, plans, claims, limits, tokens, the audit."""
