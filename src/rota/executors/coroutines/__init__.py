"""Coroutines on the task loop."""
