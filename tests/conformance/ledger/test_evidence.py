"""What the ledger tells those who verify it, in every database."""

from __future__ import annotations

from rota.core.ports.records import Edits, VerificationMark
from rota.core.run import State
from rota.core.time import DAY, HOUR, MINUTE, SECOND, Instant
from rota.core.verification.findings import Code
from rota.engine.upkeep.verifying import Question, planner_spans, verify
from tests.conformance.ledger.desk import NOON, Desk, record


def codes(desk: Desk, since: Instant = 0) -> list[tuple[str, str]]:
    """What there is to say against the ledger: kind and task."""
    spans = planner_spans(desk.history.nodes())
    asked = Question(desk.now + 15 * SECOND, since, planners=lambda _: spans)
    return [(one.code, one.task_id) for one in verify(desk.history.evidence, asked)]


def every_minute(desk: Desk, *task_ids: str) -> None:
    times = {"trigger": "interval", "trigger_args": {"seconds": 60}, "timezone": "UTC"}
    desk.register(*(record(task_id, **times) for task_id in task_ids))


def occur(desk: Desk, task_id: str = "t") -> str:
    run = desk.ended(task_id, fire_time=desk.clock.move(60))
    desk.plan(planned_until={task_id: desk.now})
    return run.id


def test_what_was_written_by_the_verbs_is_sound(desk: Desk) -> None:
    every_minute(desk, "t", "ü")
    for task_id in ("t", "ü"):
        occur(desk, task_id)
    desk.ended("t", State.FAILED)
    desk.running("ü")
    assert codes(desk) == [(Code.HOLE, "ü")]  # they took turns: it has no row of the first minute


def test_a_rule_is_kept_when_it_changes_and_only_then(desk: Desk) -> None:
    every_minute(desk, "t")
    desk.clock.move(60)
    every_minute(desk, "t")
    (rule,) = desk.history.evidence.rules(["t"])
    assert (rule.since, rule.until, rule.dst) == (NOON, None, "adjust")
    desk.do(lambda tx: tx.edit("t", Edits(name="other"), desk.now))
    assert len(desk.history.evidence.rules(["t"])) == 1
    desk.do(lambda tx: tx.edit("t", Edits(trigger_args={"seconds": 30}), desk.now))
    before, after = desk.history.evidence.rules(["t"])
    assert (before.since, before.until, before.edits.get("trigger_args")) == (
        NOON,
        desk.now,
        None,
    )
    assert (after.since, after.until, after.edits["trigger_args"]) == (
        desk.now,
        None,
        {"seconds": 30},
    )


def test_each_verb_that_changes_what_is_due_leaves_a_rule(desk: Desk) -> None:
    every_minute(desk, "t")
    verbs = (
        lambda tx: tx.pause("t", desk.now, None, ""),
        lambda tx: tx.resume("t", desk.now),
        lambda tx: tx.skip(desk.new("t", desk.now + DAY, state=State.SKIPPED)),
        lambda tx: tx.edit("t", Edits(enabled=False), desk.now),
        lambda tx: tx.edit("t", Edits(enabled=True), desk.now),
        lambda tx: tx.remove("t", desk.now),
    )
    for number, verb in enumerate(verbs, 1):
        desk.clock.move(60)
        desk.do(verb)
        rules = desk.history.evidence.rules(["t"])
        assert len(rules) == number + 1
        assert (rules[-2].until, rules[-1].since) == (desk.now, desk.now)
    every_minute(desk, "t")
    assert len(desk.history.evidence.rules(["t"])) == len(verbs) + 2


def test_the_rules_of_a_forgotten_task_stay_until_they_are_pruned(desk: Desk) -> None:
    every_minute(desk, "t")
    occur(desk)
    desk.clock.move(10 * 86400)
    assert desk.do(lambda tx: tx.forget(desk.now - DAY, desk.now)) == ["t"]
    assert desk.history.evidence.task_ids("", 10) == ["t"]
    assert codes(desk) == []
    desk.clock.move(60)
    desk.do(lambda tx: tx.prune(desk.now, 100))
    assert desk.history.evidence.task_ids("", 10) == []
    assert desk.history.evidence.marks()["pruned"].at == desk.now


def test_pages_of_ids_and_rows_follow_each_other(desk: Desk) -> None:
    every_minute(desk, "a", "b", "c")
    ask = desk.history.evidence
    assert ask.task_ids("", 2) == ["a", "b"]
    assert ask.task_ids("b", 2) == ["c"]
    for task_id in ("b", "a", "b"):
        occur(desk, task_id)
    found = ask.rows(["a", "b"], 0, desk.now, 2)
    assert [(task_id, row.fire_time - NOON) for task_id, row in found] == [
        ("a", 2 * MINUTE),
        ("b", MINUTE),
    ]
    (last,) = ask.rows(["b"], found[-1][1].fire_time + 1, desk.now, 2)
    assert last[1].is_planned and last[1].fire_time == desk.now


def test_what_has_no_holder_is_found(desk: Desk) -> None:
    every_minute(desk, "t")
    claim = desk.running("t", node="b")
    desk.do(lambda tx: tx.leave("b", "stopped", desk.now))
    desk.clock.move(300)
    (held,) = desk.history.evidence.held(desk.now, desk.now - MINUTE, 10)
    assert (held.run_id, held.node) == (claim.run_id, "b")


def test_a_task_that_there_never_was_is_found(desk: Desk) -> None:
    desk.ended("ghost")
    (many,) = desk.history.evidence.unknown(0, 10)
    assert (many.task_id, many.number) == ("ghost", 1)


def test_a_cursor_that_is_ahead_is_found(desk: Desk) -> None:
    every_minute(desk, "t")
    desk.plan(planned_until={"t": desk.now + HOUR})
    assert desk.history.evidence.ahead(desk.now, 10) == [("t", desk.now + HOUR)]


def test_a_clock_that_was_ahead_leaves_a_mark(desk: Desk) -> None:
    every_minute(desk, "t")
    desk.plan(planned_until={"t": desk.now + HOUR})
    desk.do(lambda tx: tx.rewind(desk.now))
    (mark,) = desk.history.evidence.marks().values()
    assert (mark.name.partition(" ")[0], mark.at, mark.until) == (
        "rewound",
        desk.now,
        desk.now + HOUR,
    )
    desk.do(lambda tx: tx.rewind(desk.now))
    assert len(desk.history.evidence.marks()) == 1


def test_a_mark_is_taken_by_one_at_a_time(desk: Desk) -> None:
    def take(seconds: int) -> VerificationMark | None:
        until = desk.now + seconds * SECOND
        return desk.do(lambda tx: tx.take_mark("m", desk.now, until))

    assert take(60) == VerificationMark("m", 0)
    assert take(60) is None
    desk.clock.move(61)
    taken = take(60)
    assert taken is not None
    desk.do(lambda tx: tx.mark(taken._replace(at=7, until=None, value="{}")))
    assert take(60) == VerificationMark("m", 7, None, "{}")
    desk.do(
        lambda tx: tx.mark(VerificationMark("m", 0, desk.now + DAY))
    )  # by a clock that was ahead
    assert take(60) is not None
