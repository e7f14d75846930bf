"""`time | LEVEL | logger | message`: log records as text that cannot forge another line."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from rota.core.secrets import cut, redact_text

_INDENT = "\n    "
_RESET = "\033[0m"
_COLORS = {
    logging.DEBUG: "\033[2m",
    logging.INFO: "\033[32m",
    logging.WARNING: "\033[33m",
    logging.ERROR: "\033[31m",
    logging.CRITICAL: "\033[1;31m",
}
# Everything that moves a terminal's cursor, or that some reader treats as the end of a line.
_CONTROL = {
    code: chr(code).encode("unicode_escape").decode()
    for code in (*range(9), *range(0x0B, 0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)
}


class LineFormatter(logging.Formatter):
    """A formatter of one line per record, in UTC; further lines (a traceback) are indented.

    Control characters are escaped, so that no message can forge a line. Secrets are masked.
    """

    def __init__(self, *, colors: bool = False) -> None:
        super().__init__("%(message)s")
        self._colors = colors

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        time = f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}Z"
        name = safe(record.name).replace("\n", "\\n")
        text = safe(redact_text(super().format(record))).replace("\n", _INDENT)
        return f"{time} | {self._level(record)} | {name} | {text}"

    def _level(self, record: logging.LogRecord) -> str:
        color = _COLORS.get(record.levelno // 10 * 10, "") if self._colors else ""
        return f"{color}{record.levelname}{_RESET}" if color else record.levelname


def safe(text: str) -> str:
    """Return the text with every control character except newline and tab escaped."""
    text = cut(text)
    return text if text.isprintable() else text.replace("\r\n", "\n").translate(_CONTROL)
