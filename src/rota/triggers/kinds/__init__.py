"""The kinds of trigger: the one list that everything else asks."""

from __future__ import annotations

from collections.abc import Mapping

from rota.triggers.kinds import after, any_of, cron, date, every, interval, job, rrule, sun
from rota.triggers.kinds.kind import OF_EVERY_KIND, TriggerKind

_KINDS = (cron, interval, date, any_of, rrule, sun, every, after, job)

KINDS: Mapping[str, TriggerKind] = {kind.name: kind for kind in (module.KIND for module in _KINDS)}
"""Every kind by its name."""

SHORT: Mapping[str, TriggerKind] = {kind.short: kind for kind in KINDS.values() if kind.short}
"""The kinds by the option that means each of them if no trigger is named."""

ARGUMENTS = frozenset(name for kind in KINDS.values() for name in (*kind.arguments, *OF_EVERY_KIND))
"""The names of every argument of every kind."""
