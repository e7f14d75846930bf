"""The current actor, for the audit: each face names it once, for everything that it calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from rota.core.audit import UNNAMED_ACTOR, Actor, Face
from rota.task_api.current_run import run_here

_acting: ContextVar[Actor] = ContextVar("rota.task_api.actor", default=UNNAMED_ACTOR)


@contextmanager
def acting(face: Face, name: str = "") -> Iterator[None]:
    """Note the changes made in this block as this face's, by the user or token of this name."""
    token = _acting.set(Actor(face, name))
    try:
        yield
    finally:
        _acting.reset(token)


def actor() -> Actor:
    """Return the current actor: the task that this code is part of, else the one named by
    `acting`.
    """
    run = run_here()
    return _acting.get() if run is None else Actor(Face.PYTHON, f"task {run.task_id}")
