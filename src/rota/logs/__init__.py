"""Logging: one line format, for the console, the log file and each run's own log."""

from rota.logs.lines import LineFormatter
from rota.logs.setup import get_logger, setup_logging
from rota.runtime.log_queue import flush, queued

__all__ = ["LineFormatter", "flush", "get_logger", "queued", "setup_logging"]
