"""Logging: one line format, for the console, the log file and each run's own log."""

from rota.logs.lines import LineFormatter
from rota.logs.setup import get_logger, setup_logging

__all__ = ["LineFormatter", "get_logger", "setup_logging"]
