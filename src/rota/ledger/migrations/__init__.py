"""The migrations from an empty database to the present tables, and how they are run.

Alembic is loaded only if a migration is missing: most openings find nothing to do.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from rota.errors import LedgerError, LedgerNewerError
from rota.ledger.schema.tables import REVISION
from rota.runtime import fork_safety

if TYPE_CHECKING:
    from alembic.config import Config


_turn = fork_safety.new_lock()  # while Alembic runs, its connection is in a module


def upgrade(connection: Connection) -> None:
    """Run the missing migrations, within the transaction of `connection`."""
    # It logs every plugin, even while it is imported, and every migration: too much.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    with _turn:
        command.upgrade(config, "head")


def refuse_unknown(revision: str, where: str) -> None:
    """Raise LedgerNewerError for a revision that this release does not know."""
    if revision not in known():
        raise LedgerNewerError(
            f"A newer rota wrote this ledger (revision {revision!r}); it was left untouched.",
            where=where,
            remedy="Install that version of rota, or name another file in manager.ledger_url.",
        )


def require_current(revision: str | None, where: str) -> None:
    """Raise LedgerError for any revision but the newest, and for None, which means that there is no
    ledger.
    """
    if revision is None:
        raise LedgerError(
            "There is no ledger.",
            where=where,
            remedy="Look at the address: the path of the file, or the database and its ?schema=….",
        )
    if revision != REVISION:
        refuse_unknown(revision, where)
        raise LedgerError(
            f"An older rota wrote this ledger (revision {revision!r}, not {REVISION!r}).",
            where=where,
            remedy="Bring it up to date: set manager.ledger_url to it, and `rota runs` does that.",
        )


def known() -> list[str]:
    """Return all revisions, the newest first."""
    from alembic.script import ScriptDirectory

    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    here = str(Path(__file__).parent).replace("%", "%%")  # a percent sign is special there
    config.set_main_option("script_location", here)
    return config
