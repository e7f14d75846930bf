"""Calendars for other programs: what RFC 5545 asks for."""

from __future__ import annotations

from rota.core.time import SECOND, Instant
from rota.web.pages.parts.ics import LONGEST_LINE, CalendarEvent, calendar, folded, text

NOON: Instant = 1_770_000_000 * SECOND  # 2026-02-02 02:40 UTC


def lines(body: str) -> list[str]:
    """Return the lines of a calendar, unfolded as section 3.1 says."""
    assert body.endswith("\r\n")
    return body.replace("\r\n ", "").removesuffix("\r\n").split("\r\n")


def test_an_event_has_what_every_event_needs() -> None:
    event = CalendarEvent("t", NOON, "Nightly backup", "every day at 02:40")
    body = lines(calendar("Books", [event], NOON - SECOND))
    assert body[0] == "BEGIN:VCALENDAR"
    assert body[-1] == "END:VCALENDAR"
    assert "VERSION:2.0" in body
    assert "DTSTART:20260202T024000Z" in body
    assert "DTSTAMP:20260202T023959Z" in body
    assert "SUMMARY:Nightly backup" in body
    assert body.count("BEGIN:VEVENT") == body.count("END:VEVENT") == 1


def test_an_occurrence_keeps_its_uid_and_shares_it_with_none() -> None:
    one, again = (
        calendar("x", [CalendarEvent("t", NOON, "", "")], now) for now in (NOON, NOON + SECOND)
    )
    other = calendar(
        "x", [CalendarEvent("u", NOON, "", ""), CalendarEvent("t", NOON + SECOND, "", "")], NOON
    )
    uids = [line for body in (one, again, other) for line in lines(body) if line[:4] == "UID:"]
    assert uids[0] == uids[1]
    assert len(set(uids)) == 3


def test_what_has_a_meaning_is_escaped() -> None:
    assert text("a;b,c\\d") == "a\\;b\\,c\\\\d"
    assert text("one\r\ntwo\nthree\rfour") == "one\\ntwo\\nthree\\nfour"
    planted = "x\r\nEND:VEVENT\r\nBEGIN:VEVENT"
    body = lines(calendar(planted, [CalendarEvent("t", NOON, planted, planted)], NOON))
    assert body.count("BEGIN:VEVENT") == 1


def test_control_characters_and_directions_are_made_visible() -> None:
    assert text("a\x00b\u202ec\ud800") == "a␀b\ufffdc\ufffd"


def test_long_lines_are_folded_between_characters() -> None:
    for line in ("SUMMARY:" + "ä" * 500, "SUMMARY:" + "😀" * 200, "x" * 75, "x" * 76, ""):
        rows = folded(line).split("\r\n")
        assert all(len(row.encode()) <= LONGEST_LINE for row in rows)
        assert all(row.startswith(" ") for row in rows[1:])
        assert rows[0] + "".join(row[1:] for row in rows[1:]) == line
