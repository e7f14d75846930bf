"""The pictures of the pages that are drawn from the code, as SVG: no other server draws them."""

from __future__ import annotations

from itertools import pairwise

from rota.core.lifecycle import TRANSITIONS
from rota.core.run import FINAL, State

STYLE = (
    "<style>.ground{fill:#f6f6f4}.box{fill:#fff;stroke:#1d5fb8}.end{stroke:#8a8f98}"
    "text{font:14px system-ui,sans-serif;fill:#1f2328;text-anchor:middle}"
    ".small{font-size:11px;fill:#5a6472}"
    "path{fill:none;stroke:#5a6472;stroke-width:1.3}marker path{fill:#5a6472;stroke:none}"
    "@media(prefers-color-scheme:dark){.ground{fill:#15181d}.box{fill:#1c2128;stroke:#7db1f5}"
    ".end{stroke:#6b7280}text{fill:#e6e8eb}.small{fill:#a3acb8}path{stroke:#a3acb8}"
    "marker path{fill:#a3acb8}}</style>"
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
    ' orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>'
)
WIDTH, HEIGHT = 110, 34
PLACES: dict[State | None, tuple[int, int]] = {
    None: (80, 190),
    State.SCHEDULED: (250, 60),
    State.QUEUED: (250, 190),
    State.RUNNING: (440, 120),
    State.SUCCEEDED: (660, 40),
    State.FAILED: (660, 95),
    State.LOST: (660, 150),
    State.CANCELLED: (660, 205),
    State.MISSED: (660, 260),
    State.SKIPPED: (660, 315),
}
"""The middle of each state's box; None: an occurrence without a row yet."""

FLOW = (
    (("task files", ""), ("discovery", ""), ("registry", "")),
    (("clock", "which task is due"), ("planner", "one row an occurrence"), ("ledger", "")),
    (("dispatcher", "claims with a fence"), ("executors", "loop, threads, processes"),
     ("recorder", "what the run becomes")),
    (("ledger", ""), ("history", "pages, API, commands")),
)  # fmt: skip
"""The rows of the picture of a run's journey: each box, and a word of it."""


def lifecycle() -> str:
    """Return the state machine of a run, drawn from `rota.core.lifecycle.TRANSITIONS`."""
    parts = [_line(one, other) for one, others in TRANSITIONS.items() for other in others]
    for state, (x, y) in PLACES.items():
        parts.append(_box(x, y, state or "new", end=state in FINAL))
    return _svg(740, 350, "The states of a run and the transitions between them", parts)


def _line(source: State | None, target: State) -> str:
    (x1, y1), (x2, y2) = PLACES[source], PLACES[target]
    half = WIDTH // 2
    if x2 < x1:  # back to waiting
        side = -1 if y2 < y1 else 1
        top, into = y1 + side * HEIGHT // 2, y2 + side * 8
        return _path(f"M{x1} {top}C{x1} {into} {x1} {into} {x2 + half} {into}")
    if source is None and target in (State.SKIPPED, State.MISSED):
        return _path(f"M{x1} {y1 + HEIGHT // 2}C{x1} {y2} {x1} {y2} {x2 - half} {y2}")
    bend = 40
    return _path(
        f"M{x1 + half} {y1}C{x1 + half + bend} {y1} {x2 - half - bend} {y2} {x2 - half} {y2}"
    )


def journey() -> str:
    """Return the journey of a run through the parts of a node."""
    parts, across, down = [], 215, 84
    for row, boxes in enumerate(FLOW):
        for column, (name, words) in enumerate(boxes):
            parts.append(_box(120 + across * column, 45 + down * row, name, words))
    for row, boxes in enumerate(FLOW):
        y = 45 + down * row
        for column, _ in pairwise(range(len(boxes))):
            x = 120 + across * column
            parts.insert(0, _path(f"M{x + 85} {y}H{x + across - 87}"))
        if row + 1 < len(FLOW):
            x, under = 120 + across * (len(boxes) - 1), y + down - 23
            parts.insert(0, _path(f"M{x} {y + 22}V{y + 42}H120V{under}"))
    return _svg(670, 345, "The journey of a run through the parts of a node", parts)


def _box(x: int, y: int, name: str, words: str | None = None, *, end: bool = False) -> str:
    width, height = (WIDTH, HEIGHT) if words is None else (170, 44)
    kind = "box end" if end else "box"
    second = f'<text class="small" x="{x}" y="{y + 14}">{words}</text>' if words else ""
    return (
        f'<rect class="{kind}" x="{x - width // 2}" y="{y - height // 2}" width="{width}"'
        f' height="{height}" rx="7"/><text x="{x}" y="{y - 2 if words else y + 5}">{name}</text>'
        f"{second}"
    )


def _path(way: str) -> str:
    return f'<path d="{way}" marker-end="url(#tip)"/>'


def _svg(width: int, height: int, title: str, parts: list[str]) -> str:
    lines = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">'
        f"<title>{title}</title>{STYLE}\n"
        f'<rect class="ground" width="{width}" height="{height}" rx="10"/>\n{lines}\n</svg>\n'
    )
