"""Every error that rota raises on purpose; each one says what, where and how to fix it.

RotaError
├── ConfigError                a config file or environment variable says something impossible
├── DefinitionError            a task definition is wrong
│   ├── TriggerError           its trigger is: names the field and the text
│   ├── ArgumentError          what was handed in does not fit its function
│   └── TaskLimitError         one task more than manager.max_tasks
├── TaskFileError              a task file cannot be read, compiled or imported
├── UnknownTaskError           no task has this id
├── UnknownRunError            no run has this id
├── UnknownWindowError         no window that was opened has this id
├── StateError                 what was asked does not fit the state the run or task is in
├── NotRunningError            asked for the current run outside of one
├── NodeGoneError              this node's lease is no more: others declared it gone
├── Mistakes                   several of these at once
├── RunFailedError             a run whose result was asked for did not succeed
├── UnstartableError         a run cannot be started: its function does not take its arguments
├── ResultError              what a function returned has no JSON form
├── CommandError             a command ended with another exit code than it should
├── EngineError                the distributed engine cannot do what it was asked
└── LedgerError                the ledger cannot do what it was asked
    ├── LedgerUnavailableError it is away for the moment: locked, full, unreachable
    ├── LedgerCorruptError     its file is not a sound ledger; it was left untouched
    └── LedgerNewerError       a newer rota wrote it; it was left untouched
"""

from __future__ import annotations

from collections.abc import Sequence


class RotaError(Exception):
    """The problem (`what`), its place (`where`, may be empty) and how to fix it (`remedy`)."""

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(what, where, remedy)

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{where}{self.what}{remedy}"


class ConfigError(RotaError):
    """A config file or an environment variable says something that cannot be meant."""


class DefinitionError(RotaError):
    """A task definition is wrong; `where` names the file, the line and the key if known."""


class TriggerError(DefinitionError):
    """A trigger is wrong: `field` names the argument, `text` is what stood there."""

    def __init__(
        self, what: str, *, field: str, text: str = "", where: str = "", remedy: str = ""
    ) -> None:
        self.field = field
        self.text = text
        super().__init__(what, where=where, remedy=remedy)


class TaskLimitError(DefinitionError):
    """One task more than `manager.max_tasks` allows."""


class ArgumentError(DefinitionError):
    """What was handed in does not fit the task's function; `name` is the parameter, "" for all."""

    def __init__(self, what: str, *, name: str = "", where: str = "", remedy: str = "") -> None:
        self.name = name
        super().__init__(what, where=where, remedy=remedy)


class TaskFileError(RotaError):
    """A task file cannot be read, compiled or imported; `where` is its path and line."""


class UnknownTaskError(RotaError):
    """No task has this id."""


class UnknownRunError(RotaError):
    """No run has this id."""


class UnknownWindowError(RotaError):
    """No window that was opened has this id."""


class UnknownNodeError(RotaError):
    """No node has this id or name."""


class StateError(RotaError):
    """What was asked does not fit the state that the run or the task is in."""


class NotRunningError(RotaError):
    """The current run was asked for outside of one."""


class NodeGoneError(RotaError):
    """This node's lease is no more: others declared it gone, or it never joined."""


class RunFailedError(RotaError):
    """A run whose result was asked for ended otherwise than well; `state` says how."""

    def __init__(self, what: str, *, state: str, where: str = "", remedy: str = "") -> None:
        self.state = state
        super().__init__(what, where=where, remedy=remedy)


class UnstartableError(RotaError):
    """A run cannot be started, now or later: it ends failed and is not tried again."""


class ResultError(RotaError):
    """A function ended, and what it returned has no JSON form: not tried again."""


class CommandError(RotaError):
    """A command ended with an exit code that means failure (`code`, negative for a signal)."""

    def __init__(self, what: str, *, code: int, where: str = "", remedy: str = "") -> None:
        self.code = code
        super().__init__(what, where=where, remedy=remedy)


class EngineError(RotaError):
    """The distributed engine cannot do what it was asked; it is tried again."""


class LedgerError(RotaError):
    """The ledger cannot do what it was asked."""


class LedgerUnavailableError(LedgerError):
    """The ledger is away for the moment: locked, on a full disk, unreachable."""


class LedgerValueError(LedgerError):
    """A row has a value that the database does not take: to try again would change nothing."""


class LedgerCorruptError(LedgerError):
    """The file is not a sound ledger; not a byte of it was changed."""


class LedgerNewerError(LedgerError):
    """A newer rota wrote this ledger; not a byte of it was changed."""


class Mistakes(RotaError):
    """Several mistakes found at once, in the order of their places (`errors`)."""

    def __init__(self, errors: Sequence[RotaError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in self.errors))


MOST_LISTED = 30


def nearest(name: str, known: Sequence[str]) -> str:
    """Return "Did you mean 'x'?" for the known name closest to `name`, or a list of some known
    names.
    """
    from difflib import get_close_matches

    close = get_close_matches(name[:200], known, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    shown = ", ".join(sorted(known)[:MOST_LISTED])
    more = f" and {len(known) - MOST_LISTED} more" if len(known) > MOST_LISTED else ""
    return f"Known: {shown}{more}." if known else ""
