"""Running and stopping callables: on an event loop, in a thread, or in a process."""
