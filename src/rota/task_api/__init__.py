"""The API of a task's code: the current run, steps, output, the decorator."""
