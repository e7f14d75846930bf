"""Running coroutines on the task loop."""
