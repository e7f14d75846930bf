"""Loggers; everything lives in `rota.logs`."""

from rota.logs import get_logger

__all__ = ["get_logger"]
