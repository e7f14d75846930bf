"""Checks whether the ledger's file is still the one that was opened, while it is in use.

SQLite does not notice. It continues to write to a file that was removed or replaced, and the rows
are lost; and it writes its log into a file whose content was exchanged.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from rota.errors import LedgerCorruptError, LedgerUnavailableError
from rota.ledger.errors import RESTORE

_TRIES = 5
_TURN = 0.02  # seconds between two tries


class _Stamp(NamedTuple):
    """What distinguishes one file from another, and one content from another."""

    device: int
    inode: int
    written: int
    size: int


class FileGuard:
    """The path of an open ledger; `check` costs one system call if nothing has changed."""

    def __init__(self, path: Path, url: str, identity: int) -> None:
        """Take the file that is there now for the one that was opened; raises OSError."""
        self._path = path
        self._url = url
        self._identity = identity
        self._sound = self._stamp()
        self._begun = False  # before the first checkpoint, everything is in the log
        self._what_is_wrong()
        self.is_overwritten = False

    def check(self) -> None:
        """Raise LedgerUnavailableError if the file is no longer there or is another one, and
        LedgerCorruptError if its content is no longer that of a ledger.
        """
        try:
            self._check(self._stamp())
        except OSError as error:
            raise LedgerUnavailableError(
                f"The ledger was removed while it was in use: {error.strerror}.",
                where=self._url,
                remedy="Put the same file back, and rota continues; else stop it, restore a backup"
                " and start it again.",
            ) from error

    def _check(self, stamp: _Stamp) -> None:
        if stamp[:2] != self._sound[:2]:
            raise LedgerUnavailableError(
                "Another file took the place of the ledger while it was in use; it was left"
                " untouched.",
                where=self._url,
                remedy="Put the former file back, and rota continues; or stop it, and start it"
                " again on this one.",
            )
        if stamp != self._sound:
            self._look(stamp)

    def _stamp(self) -> _Stamp:
        found = os.stat(self._path)  # noqa: PTH116  # a third of the time of Path's
        return _Stamp(found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)

    def _look(self, stamp: _Stamp) -> None:
        """Check whether a checkpoint wrote into the file: it leaves a sound database.

        In the middle of a checkpoint, the file is half old and half new. It then changes during the
        check; or, if the process was killed, it stays so until the next checkpoint. It gets shorter
        only at the end.
        """
        whole = stamp.size < self._sound.size
        for turns_left in reversed(range(_TRIES)):
            wrong = self._what_is_wrong(whole=whole)
            before, stamp = stamp, self._stamp()
            if not wrong:
                self._sound, self.is_overwritten = before, False
                return
            if stamp != before:
                return  # the next check looks again
            if turns_left:
                time.sleep(_TURN)
        self.is_overwritten = True
        raise LedgerCorruptError(
            f"The ledger was overwritten while it was in use: {wrong}.",
            where=self._url,
            remedy=f"Stop rota. {RESTORE}",
        )

    def _what_is_wrong(self, *, whole: bool = False) -> str:
        """Return why the file is not the ledger's, from its beginning alone, without its log;
        `whole`: also if it is shorter than its header says.
        """
        address = f"file:{quote(str(self._path.absolute()))}?mode=ro&immutable=1"
        try:
            with closing(sqlite3.connect(address, uri=True)) as connection:
                # So SQLite does not mind the length; nothing is written here.
                connection.execute(f"PRAGMA writable_schema = {'OFF' if whole else 'ON'}")
                (identity,) = connection.execute("PRAGMA user_version").fetchone()
                (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
                (page,) = connection.execute("PRAGMA page_size").fetchone()
        except sqlite3.Error as error:
            return str(error)
        if whole and self._stamp().size % page:
            return "it ends in the middle of a page"
        if tables and identity == self._identity:
            self._begun = True
        elif tables or self._begun:
            return "it is another database" if tables else "it is empty"
        return ""
