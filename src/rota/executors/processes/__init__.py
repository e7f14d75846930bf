"""Running functions in worker processes, which can be killed."""
