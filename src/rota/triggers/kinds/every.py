"""The trigger of an English text: what `describe` writes, and common short forms."""

from __future__ import annotations

import re
from dataclasses import replace

from rota.core.time import SECOND, Instant
from rota.core.trigger import Trigger
from rota.errors import TriggerError, nearest
from rota.triggers.crontab import SHORTEST
from rota.triggers.dst import Changes
from rota.triggers.english import Unread, read_span, read_times
from rota.triggers.kinds import cron, date, interval, sun
from rota.triggers.kinds.cron import CronTrigger
from rota.triggers.kinds.date import DateTrigger
from rota.triggers.kinds.interval import IntervalTrigger
from rota.triggers.kinds.kind import CHANGES, ZONE, Args, Bounds, Reading, TriggerKind
from rota.triggers.trigger_errors import LONGEST, refuse
from rota.triggers.zones import read_moment, read_zone

FORMS = (
    *("15 minutes", "hour", "1 hour 30 minutes", "day at 09:00", "weekday at 09:00"),
    *(
        "weekday at 09:00 and 17:00",
        "Monday at 08:30",
        "Saturday and Sunday at 10:00",
        "15 minutes from 09:00 to 17:45",
    ),
    *("1st of the month at 06:00", "last day of the month at 18:00", "sunrise + 20 minutes"),
    *("last Friday of the month at 17:00", "hour from 09:00 to 17:00", "1st of January at 00:00"),
    "once, at 2030-01-31 09:00",
)
_MOMENT = r"([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+Z?)( \(the second time\))?"
_BOUNDS = {
    "jitter": re.compile(r"(.*), delayed by up to ([0-9a-z. ]+)"),
    "end": re.compile(rf"(.*), until {_MOMENT}"),
    "start": re.compile(rf"(.*), (?:counted )?from {_MOMENT}"),
}
_ONCE = re.compile(rf"once, at {_MOMENT}")
_SUN = re.compile(r"(sunrise|sunset|dawn|dusk|noon)(?: ?([+-]) ?([0-9a-z. ]+))?")
_SUN_WORDS = re.compile(
    r"every day (?:at|([0-9a-z. ]+) (after|before)) (sunrise|sunset|dawn|dusk|noon)"
    r" at (-?[0-9.e-]+), (-?[0-9.e-]+)(?:, on days without [a-z]+ never)?"
)
_PLURAL = re.compile(r"\b(weekday|weekend|(?:mon|tues|wednes|thurs|fri|satur|sun)day)s\b")
_REGISTERED = ", counted from its registration"
_CHANGED = {cron.FIXED: False, cron.BY_THE_WALL: True}


def read(reading: Reading) -> Trigger:
    """Return the trigger that the text means; raises TriggerError."""
    given = reading.args.get("text")
    if not isinstance(given, str) or not 1 <= len(given.strip()) <= 20 * LONGEST:
        if given is None and not reading.errors:
            remedy = "Write text='weekday at 09:00'."
            raise TriggerError("An every trigger needs its text.", field="text", remedy=remedy)
        if given is not None:
            reading.errors.append(refuse("text", given, "not a text", "Write 'weekday at 09:00'."))
    reading.finish()
    assert isinstance(given, str)
    try:
        return _read(reading, given)
    except Unread as error:
        why = str(error) or "not understood"
        text = _prefixed(_split_zone(given)[0])
        hint = nearest(text.removeprefix("every ").removeprefix("on the "), FORMS)
        raise refuse("text", given, why, hint) from None


def _split_zone(text: str) -> tuple[str, str | None]:
    """Return a text without the zone at its end, and that, if it names one."""
    head, comma, name = text.strip().rpartition(", ")
    if comma and re.fullmatch(r"[A-Za-z][A-Za-z0-9_+/-]*", name) and head:
        try:
            return head, read_zone(name).key
        except TriggerError:
            pass
    return text.strip(), None


def _prefixed(text: str) -> str:
    """Return a text in small letters with the words that its short form leaves out."""
    text = _PLURAL.sub(r"\1", " ".join(text.lower().split()))
    if re.match(r"(every|at|on the|once|any|by) ", text) or _ONCE.match(text):
        return text
    if re.match(r"([0-9]+(st|nd|rd|th)|last|the) ", text):
        return f"on the {text.removeprefix('the ')}"
    return text if _SUN.fullmatch(text) else f"every {text}"


def _read(reading: Reading, given: str) -> Trigger:
    head, named = _split_zone(given)
    if named is not None and "timezone" in reading.args:
        raise refuse("text", given, "it names a zone, and so does timezone", "Keep one.")
    zone = reading.zone() if named is None else read_zone(named)
    reading.finish()
    text = _prefixed(head)

    def moment(found: re.Match[str], group: int) -> Instant:
        said = found[group].upper()
        instant = read_moment("text", said, zone)
        if found[group + 1]:
            wall = instant // SECOND + zone.offset_at(instant // SECOND)
            instant = zone.instant_of(wall, second_pass=True) * SECOND + instant % SECOND
        return instant

    if once := _ONCE.fullmatch(text):
        return DateTrigger(moment(once, 1), zone.key)
    counted = ", counted from " in text
    found: dict[str, Instant] = {}
    for name, wanted in _BOUNDS.items():
        if match := wanted.fullmatch(text):
            text = match[1]
            found[name] = read_span(match[2]) if name == "jitter" else moment(match, 2)
    text = text.removesuffix(_REGISTERED)
    bounds = Bounds(zone, found.get("start"), found.get("end"), found.get("jitter", 0))
    if bounds.start is not None and bounds.end is not None and bounds.end < bounds.start:
        raise Unread("its end is before its start")
    if match := _SUN.fullmatch(text):
        return _sun(reading, match[1], match[3], match[2] == "-", reading.args, bounds)
    if match := _SUN_WORDS.fullmatch(text):
        place = {"latitude": float(match[4]), "longitude": float(match[5])}
        return _sun(reading, match[3], match[1], match[2] == "before", place, bounds)
    period = _period(text) if counted or named is None else None
    if period is not None and (counted or not found.keys() & {"start", "end"}):
        return interval.of_period(reading, period, bounds)
    return _cron(reading, text, bounds)


def _period(text: str) -> Instant | None:
    try:
        period = read_span(text.removeprefix("every "))
    except Unread:
        return None
    if period < SHORTEST:
        raise Unread("it is too short")
    return period


def _cron(reading: Reading, text: str, bounds: Bounds) -> CronTrigger:
    repeats: bool | None = None
    for words, means in _CHANGED.items():
        if text.endswith(words):
            text, repeats = text.removesuffix(words), means
    try:
        wanted, usual = read_times(text, reading.calendar)
    except Unread as error:
        if str(error) or not re.search(r"\bbusiness\b", text):
            raise
        if reading.calendar is None:
            raise Unread("business days need a calendar; write calendar='…' as well") from None
        raise Unread("with a calendar, 'day at 09:00' is on its business days") from None
    changes: Changes = CHANGES[reading.dst][usual if repeats is None else repeats]
    found = CronTrigger(wanted, bounds.zone, changes, bounds.start, bounds.end, bounds.jitter)
    why = cron.why_never(found)
    if why is not None:
        raise Unread(f"it can never fire: {why}")
    return found


def _sun(
    reading: Reading, event: str, offset: str | None, before: bool, place: Args, bounds: Bounds
) -> Trigger:
    span = read_span(offset.strip()) if offset else 0
    args = {
        "event": event,
        "offset": (-span if before else span) / SECOND,
        **{name: place[name] for name in ("latitude", "longitude") if name in place},
    }
    found = sun.read(replace(reading, args=args, timezone=bounds.zone.key, errors=[]))
    return replace(found, start=bounds.start, end=bounds.end, jitter=bounds.jitter)


def zone_of(args: Args) -> object:
    """Return the zone that the arguments name, or the text; None if neither does."""
    text = args.get("text")
    named = _split_zone(text)[1] if isinstance(text, str) else None
    return args.get("timezone") if named is None else named


def words(rule: Trigger, args: Args) -> str:
    """Describe what the text means."""
    match rule:
        case DateTrigger():
            return date.words(rule, {})
        case CronTrigger():
            return cron.words(rule, {})
        case IntervalTrigger():
            text = str(args["text"]).lower()
            start = (
                ["start_date"] if ", counted from 2" in text or ", counted from 1" in text else []
            )
            end = ["end_date"] if ", until " in text else []
            return interval.words(rule, dict.fromkeys([*start, *end]))
    assert isinstance(rule, sun.SunTrigger)
    return sun.words(rule, {})


KIND = TriggerKind(
    name="every",
    meaning="when an English text says, like `weekday at 09:00`",
    arguments={
        "text": "the text: what `describe` writes, or a short form of it",
        "latitude": "degrees north, for `sunrise + 20 minutes` and the like",
        "longitude": "degrees east, for the same",
        **ZONE,
    },
    example={"text": "weekday at 09:00 and 17:00"},
    read=read,
    words=words,
    caution=sun.caution,
    short="every",
    takes="text",
    zone=zone_of,
    names_moment=lambda args: bool(
        re.search(r"once, at|counted from [0-9]", str(args.get("text")))
    ),
    is_single=lambda args: str(args.get("text")).strip().lower().startswith("once"),
)
