"""Which occurrences are due: every one gets its row."""
