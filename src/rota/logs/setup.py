"""Setting up the root logger: console and rotated file."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from rota.errors import ConfigError, nearest
from rota.logs.lines import LineFormatter
from rota.runtime import private_files

_OURS = "rota."
_lifted: set[logging.Logger] = set()  # set to INFO by `get_logger` until the root logger is set up


def get_logger(name: str) -> logging.Logger:
    """Return the standard logger of this name; starts and configures nothing.

    Before any set-up, the root logger drops INFO. What a task logs with `logger.info` belongs in
    its run's log even then, so this one logger is set to INFO until logging is set up.
    """
    logger = logging.getLogger(name)
    if isinstance(logger, logging.RootLogger) or _configured(logger):
        return logger
    logger.setLevel(logging.INFO)
    _lifted.add(logger)
    return logger


def setup_logging(
    log_level: str | int = "INFO",
    log_file: str | Path | None = None,
    max_bytes: int = 10 * 1024 * 1024,
    backup_count: int = 5,
    *,
    colors: bool | None = None,
) -> None:
    """Log to stderr, and to `log_file` if given; a second call replaces the first.

    The file is rotated at `max_bytes` (0: never). `colors` None: only if stderr is a terminal.
    A file that cannot be written is reported on stderr, and logging continues without it.
    Raises ConfigError for an unknown level.
    """
    level = _level(log_level)
    root = logging.getLogger()
    for handler in [h for h in root.handlers if (h.name or "").startswith(_OURS)]:
        root.removeHandler(handler)
        handler.close()
    for logger in list(_lifted):
        logger.setLevel(logging.NOTSET)
    _lifted.clear()
    # The handlers have the level: a run's own log keeps INFO even if the console shows less.
    root.setLevel(min(level, logging.INFO))
    for handler in _console(colors):
        _add(root, handler, level)
    if log_file is not None:
        try:
            _add(root, _file(Path(log_file), max_bytes, backup_count), level)
        except OSError as error:
            logging.getLogger(__name__).warning(
                "No log file: %s cannot be written (%s). Logging continues without it.",
                log_file,
                error.strerror,
            )


def _configured(logger: logging.Logger) -> bool:
    """Return whether a level was set for `logger`, directly or on a parent."""
    parent: logging.Logger | None = logger
    while parent is not None and not parent.level:
        parent = parent.parent
    return parent is not None and (
        not isinstance(parent, logging.RootLogger) or parent.level != logging.WARNING
    )


def _level(level: str | int) -> int:
    names = logging.getLevelNamesMapping()
    number = level if isinstance(level, int) else names.get(level.strip().upper())
    if number is None:
        hint = nearest(str(level).upper(), list(names))
        raise ConfigError(f"{level!r} is not a log level.", where="log_level", remedy=hint)
    return number


def _add(root: logging.Logger, handler: logging.Handler, level: int) -> None:
    handler.setLevel(level)
    root.addHandler(handler)


def _console(colors: bool | None) -> Iterator[logging.Handler]:
    """Yield the handler of stderr, if the process has a stderr."""
    if sys.stderr is None:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.name = f"{_OURS}console"
    handler.setFormatter(LineFormatter(colors=_terminal() if colors is None else colors))
    yield handler


def _terminal() -> bool:
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not plain and sys.stderr.isatty()


def _file(path: Path, max_bytes: int, backup_count: int) -> logging.Handler:
    from rota.logs.file import PrivateFileHandler

    private_files.make_directory(path.parent, parents=True)
    handler = PrivateFileHandler(
        path,
        maxBytes=max_bytes,
        backupCount=backup_count,
        encoding="utf-8",
        errors="backslashreplace",
    )
    handler.name = f"{_OURS}file"
    handler.setFormatter(LineFormatter())
    return handler
