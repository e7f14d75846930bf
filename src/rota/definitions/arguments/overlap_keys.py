"""What `overlap` distinguishes the runs of a task by: the values of some of their arguments."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rota.core.task import BY_PLACE, TaskDefinition, arguments_of_run
from rota.definitions.arguments.parameters import parameters_of

MOST_OF_KEY = 200
"""Characters of an overlap key; of a longer one there is only a hash."""


def overlap_key_of(
    names: Sequence[str], task: TaskDefinition | None, arguments: Mapping[str, Any] | None
) -> str | None:
    """Return the values of these arguments in a run as JSON, or a hash of them if that is long;
    None if there are no names."""
    if not names:
        return None
    if task is None:
        given = {name: value for name, value in (arguments or {}).items() if name != BY_PLACE}
    else:
        parameters = parameters_of(task.func)
        placed, named = arguments_of_run(task, arguments)
        given = {**parameters.defaults(), **parameters.named(placed), **named}
    text = json.dumps([given.get(name) for name in names], sort_keys=True, default=str)
    if len(text) <= MOST_OF_KEY:
        return text
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=20).hexdigest()
