"""The log file, and those that it was rotated to."""

from __future__ import annotations

from io import TextIOWrapper
from logging.handlers import RotatingFileHandler

from rota.runtime import private_files


class PrivateFileHandler(RotatingFileHandler):
    """Writes into files that their owner alone can read."""

    def _open(self) -> TextIOWrapper:
        return open(
            self.baseFilename,
            self.mode,
            encoding=self.encoding,
            errors=self.errors,
            opener=private_files.opener,
        )  # type: ignore[return-value]
