"""Kinds that need a library say how to install it where it is missing."""

from __future__ import annotations

import sys

import pytest

from tests.unit.triggers.conftest import Refused


@pytest.mark.parametrize(
    ("kind", "args", "library"),
    [
        ("rrule", {"rrule": "FREQ=DAILY", "dtstart": "2030-01-01"}, "dateutil"),
        ("sun", {"event": "noon", "latitude": 1, "longitude": 2}, "astral"),
        ("every", {"text": "sunrise", "latitude": 1, "longitude": 2}, "astral"),
    ],
)
def test_a_missing_library_is_named(
    monkeypatch: pytest.MonkeyPatch, refused: Refused, kind: str, args: object, library: str
) -> None:
    for name in [library, *(one for one in sys.modules if one.startswith(f"{library}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    error = refused(kind, args)
    assert "is not installed" in error.what
    assert error.remedy in (
        "Install it: pip install 'rota[rrule]'.",
        "Install it: pip install 'rota[sun]'.",
    )
