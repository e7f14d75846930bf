"""Where the tasks of a chain are drawn: what runs first is on the left."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

Links = Mapping[str, Collection[str]]
"""The upstream tasks of each task that has any."""


def near(task_id: str, links: Links, most: int) -> tuple[list[str], int]:
    """Return the tasks of the chain of a task, nearest first, at most so many; and how many are
    left out."""
    beside: dict[str, dict[str, None]] = {}
    for below, above in links.items():
        for one in above:
            beside.setdefault(one, {})[below] = None
            beside.setdefault(below, {})[one] = None
    found = {task_id: None}
    queue = [task_id]
    for one in queue:
        new = [other for other in beside.get(one, ()) if other not in found]
        found.update(dict.fromkeys(new))
        queue += new
    return queue[:most], max(0, len(queue) - most)


def columns(task_ids: Sequence[str], links: Links) -> list[list[str]]:
    """Return the tasks in columns: each is right of all that it runs after, as far as there is no
    cycle; within a column, each is near to what it runs after."""
    shown = set(task_ids)
    above = {one: [up for up in links.get(one, ()) if up in shown] for one in task_ids}
    depth = dict.fromkeys(task_ids, 0)
    for _ in task_ids:  # the longest way has fewer steps than there are tasks
        deeper = {
            one: min(max((depth[up] + 1 for up in above[one]), default=0), len(shown) - 1)
            for one in task_ids
        }
        if deeper == depth:
            break
        depth = deeper
    place: dict[str, float] = {}
    found: list[list[str]] = []
    for level in sorted(set(depth.values())):
        column = [one for one in task_ids if depth[one] == level]
        known = {one: [place[up] for up in above[one] if up in place] for one in column}
        column.sort(key=lambda one: (sum(known[one]) / len(known[one]) if known[one] else 0, one))
        place.update({one: index - len(column) / 2 for index, one in enumerate(column)})
        found.append(column)
    return found
