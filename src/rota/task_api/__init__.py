"""What the code of a task sees: the current run, steps, output, the decorator."""
