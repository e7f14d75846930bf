"""How a callable runs, and how it is stopped: on a loop, in a thread, in a process."""
