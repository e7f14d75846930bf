"""The commands: a module has the name of its command, and the function `command` runs it."""
