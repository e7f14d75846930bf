"""The arguments that every kind of trigger has, which may also be written as options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rota.triggers.kinds.kind import OF_EVERY_KIND

_COMMON = ("except_", *OF_EVERY_KIND)


def with_common(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the options with the arguments of every kind among the trigger's, however they were
    written. They may be options; and `except` is called `except_` if Python allows no such name.
    """
    apart = options.get("trigger_args")
    if options.keys().isdisjoint(_COMMON) or not isinstance(apart, Mapping | None):
        return options
    common = {
        key.removesuffix("_"): options[key] for key in _COMMON if options.get(key) is not None
    }
    others = {key: value for key, value in options.items() if key not in _COMMON}
    if apart is None:
        return {**others, **common}
    return {**others, "trigger_args": {**common, **apart}}
