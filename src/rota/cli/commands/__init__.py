"""The commands: the module's name is the command's, its function `command` does it."""
