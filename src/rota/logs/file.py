"""The log file and its rotated predecessors."""

from __future__ import annotations

from io import TextIOWrapper
from logging.handlers import RotatingFileHandler

from rota.runtime import private_files


class PrivateFileHandler(RotatingFileHandler):
    """A rotating handler whose files only their owner can read."""

    def _open(self) -> TextIOWrapper:
        return open(
            self.baseFilename,
            self.mode,
            encoding=self.encoding,
            errors=self.errors,
            opener=private_files.opener,
        )  # type: ignore[return-value]
