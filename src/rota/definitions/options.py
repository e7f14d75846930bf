"""The options of a task: one table, which everything else asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rota.core.task import Catchup, OnCrash, Overlap, Policy
from rota.definitions.readers import (
    LONGEST_DESCRIPTION,
    LONGEST_SPAN,
    ClockChange,
    ExecutorChoice,
    Reader,
    delays,
    exceptions,
    flag,
    named,
    names,
    number,
    or_none,
    positional,
    rate,
    read_executor,
    read_text,
    shared_name,
    tags,
    text,
    whole,
    word,
)

_span = number(0, LONGEST_SPAN, "seconds")
_positive_span = number(0, LONGEST_SPAN, "seconds", above=True)


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a task: everything that another part of rota asks of it.

    `default` is the key of the configuration's section `manager` that holds if the task names
    none; `otherwise` says what holds if there is no such key. Those with a `label` are shown on the
    task's page, as `shown` has them.
    """

    name: str
    read: Reader
    meaning: str
    default: str = ""
    otherwise: str = ""
    label: str = ""
    shown: Callable[[Any], str] = lambda policy: ""


def _one_of(kind: type[StrEnum]) -> str:
    return ", ".join(f'`"{member.value}"`' for member in kind)


def _retries(policy: Policy) -> str:
    if not policy.max_retries:
        return "none"
    if isinstance(policy.retry_delay, tuple):
        listed = ", ".join(f"{delay:,g}" for delay in policy.retry_delay[: policy.max_retries])
        return f"{policy.max_retries}, after {listed} s"
    first, most = f"{policy.retry_delay:,g}", f"{policy.retry_max_delay:,g}"
    return (
        f"{policy.max_retries}, the first after {first} s, then × {policy.retry_backoff:g},"
        f" up to {most} s"
    )


def _timeout(policy: Policy) -> str:
    total = policy.total_timeout
    together = "" if total is None else f", {total:,g} s for all together"
    return f"{policy.timeout:,g} s for each attempt{together}"


def _deadline(policy: Policy) -> str:
    return "none" if policy.start_deadline is None else f"{policy.start_deadline:,g} s"


_TABLE = (
    Option(
        "max_retries",
        whole(0),
        "tries after the first one",
        default="max_task_retries",
        label="Retries",
        shown=_retries,
    ),
    Option(
        "timeout",
        _positive_span,
        "seconds that one attempt may take",
        default="task_timeout",
        label="Timeout",
        shown=_timeout,
    ),
    Option(
        "total_timeout",
        or_none(_positive_span),
        "seconds that all attempts of a run may take, from the start of the first one, with the"
        " waits between them",
        otherwise="no limit",
    ),
    Option(
        "overlap",
        word(Overlap),
        f"what happens while its last run lasts: {_one_of(Overlap)}",
        default="overlap",
        label="While it still runs",
        shown=lambda policy: f"overlap={policy.overlap}",
    ),
    Option(
        "queue_limit",
        whole(1),
        'most occurrences that wait at once: for their turn, or with `overlap="allow"` for a limit'
        " or a slot",
        default="queue_limit",
        otherwise="under a limit 100",
    ),
    Option(
        "catchup",
        word(Catchup),
        f"which occurrences missed in a downtime still run: {_one_of(Catchup)}",
        default="catchup",
        label="After a downtime",
        shown=lambda policy: f"catchup={policy.catchup}",
    ),
    Option(
        "catchup_window",
        _span,
        "seconds back from now: what was missed before is only counted",
        default="catchup_window",
    ),
    Option(
        "catchup_limit",
        whole(1),
        'with `catchup="all"`: most missed occurrences that still run',
        default="catchup_limit",
    ),
    Option(
        "start_deadline",
        or_none(_positive_span),
        "seconds after its time until a run must have started",
        default="start_deadline",
        label="Start deadline",
        shown=_deadline,
    ),
    Option(
        "on_crash",
        word(OnCrash),
        f"what becomes of a run whose worker died: {_one_of(OnCrash)}",
        default="on_crash",
        otherwise="as `manager.auto_restart_tasks` says",
        label="When its worker dies",
        shown=lambda policy: f"on_crash={policy.on_crash}, at most {policy.max_crashes} times",
    ),
    Option(
        "max_crashes",
        whole(1),
        "crashes in a row after which a run is quarantined, and its task paused",
        default="max_crashes",
    ),
    Option(
        "retry_delay",
        delays(LONGEST_SPAN),
        "seconds before the first retry; or a list with the delay of each retry, or a function that"
        " returns it for the number of the retry, from 1 on: these are kept to exactly",
        default="retry_delay",
    ),
    Option(
        "retry_backoff",
        number(1, 100, "times"),
        "the factor for the delay of each next retry",
        default="retry_backoff",
    ),
    Option("retry_max_delay", _span, "the longest delay before a retry", default="retry_max_delay"),
    Option(
        "retry_on",
        exceptions,
        "exceptions that are retried, classes or names, one or a list",
        otherwise="every exception is",
    ),
    Option(
        "no_retry_on",
        exceptions,
        "exceptions that are not retried, whatever `retry_on` says",
        otherwise="none",
    ),
    Option(
        "pause_after_failures",
        or_none(whole(1)),
        "failed runs in a row after which the task is paused",
        otherwise="it is not",
    ),
    Option(
        "queue",
        shared_name("a queue", "gpu"),
        "which workers run it: those that serve this queue",
        otherwise='`"default"`',
        label="Queue",
        shown=lambda policy: (
            policy.queue + (f", priority {policy.priority}" if policy.priority else "")
        ),
    ),
    Option(
        "priority",
        whole(-1_000),
        "what is higher starts first, if more wait than there are slots",
        otherwise="0",
    ),
    Option(
        "max_running",
        or_none(whole(1)),
        'most runs at once over all nodes, with `overlap="allow"`',
        otherwise="no limit",
        label="Limits",
        shown=lambda policy: policy.limits or "none",
    ),
    Option(
        "rate",
        or_none(rate),
        'most starts in a time, over all nodes: `"10/m"` (`s`, `m`, `h`, `d`)',
        otherwise="no limit",
    ),
    Option(
        "group",
        or_none(shared_name("a group", "db")),
        "tasks that keep limits together",
        otherwise="none",
    ),
    Option(
        "overlap_key",
        names("argument", "customer"),
        "arguments by whose values `overlap` distinguishes runs, one name or a list",
        otherwise="none: it looks at all runs of the task",
    ),
    Option(
        "key_ttl",
        _span,
        "seconds after a run was enqueued for which it keeps its key",
        otherwise="86400",
    ),
    Option(
        "tags",
        tags,
        "words to find, pause and choose tasks by, one or a list",
        otherwise="none",
        label="Tags",
        shown=lambda policy: ", ".join(policy.tags) or "none",
    ),
)

POLICY: Mapping[str, Option] = {option.name: option for option in _TABLE}
"""The options that make up a `Policy`, under their names there."""

OPTIONS: Mapping[str, Option] = {
    **POLICY,
    **{
        option.name: option
        for option in (
            Option("name", read_text, "what people read", otherwise="the id"),
            Option(
                "enabled",
                flag,
                "`False`: listed, never due, can be run manually",
                otherwise="`True`",
            ),
            Option(
                "args", positional, "what the function is called with, by place", otherwise="none"
            ),
            Option("kwargs", named, "what the function is called with, by name", otherwise="none"),
            Option(
                "executor",
                read_executor,
                f"where it runs: {_one_of(ExecutorChoice)}",
                default="executor",
            ),
            Option(
                "timezone",
                lambda value: value,  # the trigger reads it
                'where its times are read, like `"Europe/Berlin"`',
                default="timezone",
            ),
            Option(
                "dst",
                word(ClockChange),
                f"what a change of the clocks does: {_one_of(ClockChange)}",
                default="dst",
            ),
            Option(
                "description",
                text(LONGEST_DESCRIPTION, lines=True),
                "what it is for",
                otherwise="the first line of the docstring",
            ),
            Option(
                "trigger_args",
                named,
                "the arguments of its trigger, as one dict",
                otherwise="they are given next to the options",
            ),
        )
    },
}
"""All options except id, func, trigger and, in `add_task`, the trigger's own arguments."""
