"""Logging: one line format, for the console, the log file and each run's own log."""

from rota.handing import flush, queued
from rota.logs.lines import LineFormatter
from rota.logs.setup import get_logger, setup_logging

__all__ = ["LineFormatter", "flush", "get_logger", "queued", "setup_logging"]
