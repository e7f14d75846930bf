"""The command line: what its commands share; the commands are in `rota.cli.commands`."""
