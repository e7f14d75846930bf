"""The chain of a task as a picture: what it runs after, and what runs after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rota.core.chains.layout import columns, near
from rota.core.chains.rule import Link, On, link_of
from rota.manager import TaskManager

MOST = 24
"""The most tasks in a picture."""

WIDTH, HEIGHT = 164, 44
_ACROSS, _DOWN, _EDGE = 40, 14, 2

_ENDED = {On.SUCCESS: "has succeeded", On.FAILURE: "has failed", On.END: "has ended"}


@dataclass(frozen=True, slots=True)
class ChainNode:
    """A task in the picture; `state` is that of the run that started last."""

    id: str
    name: str
    title: str
    state: str
    x: int
    y: int
    is_this: bool


@dataclass(frozen=True, slots=True)
class ChainEdge:
    """A line from a task to one that runs after it."""

    path: str
    head: str
    on: str


@dataclass(frozen=True, slots=True)
class ChainPicture:
    """All of it, and how many tasks have no room in it."""

    width: int
    height: int
    nodes: list[ChainNode]
    edges: list[ChainEdge]
    left_out: int


def chain_picture(manager: TaskManager, task_id: str) -> ChainPicture | None:
    """Return the picture of a task's chain, None if it has none; raises LedgerError."""
    links: dict[str, Link] = {}
    for task in manager.history.tasks_after_others():
        edited = task.edits.trigger_args
        links[task.record.id] = link_of(task.record.trigger_args if edited is None else edited)
    above = {one: link.tasks for one, link in links.items()}
    ids, left_out = near(task_id, above, MOST)
    if len(ids) == 1:
        return None
    names = {task.record.id: task.record.name for task in manager.history.tasks(ids)}
    last = manager.history.last_runs(ids)
    places = _places(columns(ids, above))
    nodes = [
        ChainNode(
            id=one,
            name=names.get(one, one),
            title=_title(one, names, links.get(one)),
            state=last[one].state
            if one in last
            else ("not run yet" if one in names else "unknown"),
            x=x,
            y=y,
            is_this=one == task_id,
        )
        for one, (x, y) in places.items()
    ]
    edges = [
        _edge(places[up], places[one], links[one].on)
        for one in places
        for up in above.get(one, ())
        if up in places
    ]
    width = max(node.x for node in nodes) + WIDTH + _EDGE
    height = max(node.y for node in nodes) + HEIGHT + _EDGE
    return ChainPicture(width, height, nodes, edges, left_out)


def _places(layers: list[list[str]]) -> dict[str, tuple[int, int]]:
    tallest = max(len(layer) for layer in layers)
    pitch = HEIGHT + _DOWN
    return {
        one: (
            _EDGE + column * (WIDTH + _ACROSS),
            _EDGE + row * pitch + (tallest - len(layer)) * pitch // 2,
        )
        for column, layer in enumerate(layers)
        for row, one in enumerate(layer)
    }


def _edge(start: tuple[int, int], end: tuple[int, int], on: On) -> ChainEdge:
    x, y = start[0] + WIDTH, start[1] + HEIGHT // 2
    to_x, to_y = end[0] - 6, end[1] + HEIGHT // 2
    half = max((to_x - x) // 2, 12)
    path = f"M{x} {y}C{x + half} {y} {to_x - half} {to_y} {to_x} {to_y}"
    return ChainEdge(path, f"M{to_x - 1} {to_y - 4}l7 4l-7 4z", on.value)


def _title(task_id: str, names: Mapping[str, str], link: Link | None) -> str:
    name = names.get(task_id, task_id)
    if link is None:
        return name
    words = " and " if link.all else " or "
    return f"{name}, after {words.join(names.get(one, one) for one in link.tasks)}" + (
        f" {_ENDED[link.on]}"
    )
