"""The task manager; everything lives in `rota.manager`."""
