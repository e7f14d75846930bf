"""Setting up logging; everything lives in `rota.logs`."""

from rota.logs import setup_logging

__all__ = ["setup_logging"]
