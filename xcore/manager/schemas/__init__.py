"""What crosses the border as JSON; everything lives in `rota.manager.schemas`."""
