"""What SQLite hands back of damaged rows is read, whatever it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rota.core.task import Policy
from rota.core.time import DAY
from rota.definitions.options import POLICY
from rota.definitions.readers import Refusal
from rota.ledger.sql import mapping, policy_forms
from rota.ledger.sql.json_batch import decode
from tests.conformance.ledger.desk import Desk, record
from tests.integration.verifying.sound import damaged

INFINITE = float("inf")


def test_an_infinite_number_is_read_beside_any_text() -> None:
    text = r'[["a\\","Inf",Inf],["-Inf \" Inf",-Inf,1.5],[null,[Inf]]]'
    assert decode(text) == [
        ["a\\", "Inf", INFINITE],
        ['-Inf " Inf', -INFINITE, 1.5],
        [None, [INFINITE]],
    ]


@pytest.mark.parametrize("value", [INFINITE, -INFINITE, "many", b"\xff", 2.5])
def test_runs_start_beside_one_whose_priority_is_damaged(tmp_path: Path, value: object) -> None:
    with Desk(f"sqlite:///{tmp_path / 'x.db'}") as desk:
        desk.register(record("damaged"), record("sound"))
        desk.join("a", lease=DAY)
        desk.plan(desk.new("damaged", desk.now), planned_until={})
        with damaged(tmp_path / "x.db") as database:
            database.execute("UPDATE runs SET priority = ?", (value,))
        desk.plan(desk.new("sound", desk.now), planned_until={})
        assert "sound" in {claim.task_id for claim in desk.claim("a")}


@pytest.mark.parametrize("column", ["revision", "anchor", "planned_until", "seen_at"])
def test_tasks_are_read_beside_an_infinite_number(tmp_path: Path, column: str) -> None:
    with Desk(f"sqlite:///{tmp_path / 'x.db'}") as desk:
        desk.register(record("damaged"), record("sound"))
        with damaged(tmp_path / "x.db") as database:
            database.execute(f"UPDATE tasks SET {column} = 9e999 WHERE id = 'damaged'")
        assert {task.record.id for task in desk.history.tasks()} == {"damaged", "sound"}


IMPOSSIBLE = [
    {"max_crashes": 0}, {"max_crashes": -3}, {"retry_backoff": 1e308}, {"retry_delay": -1},
    {"retry_max_delay": 1e300}, {"timeout": -5}, {"max_retries": 2**70}, {"catchup_window": 1e18},
    {"priority": 10**30},
]  # fmt: skip


@pytest.mark.parametrize("wrong", IMPOSSIBLE, ids=str)
def test_a_policy_with_an_impossible_number_is_none(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="impossible number"):
        policy_forms.policy_of(json.dumps(wrong))
    assert mapping.policy_of(json.dumps(wrong)) == Policy()


def test_policies_at_the_bounds_of_what_may_be_defined_are_sound() -> None:
    span, most = 1_000_000_000, 1_000_000
    policy = Policy(
        max_retries=most, timeout=span, queue_limit=most, catchup_window=0, start_deadline=span,
        max_crashes=1, retry_delay=0, retry_backoff=100, retry_max_delay=span, priority=-1_000,
        max_running=most,
    )  # fmt: skip
    assert policy_forms.policy_of(policy_forms.policy_json(policy)) == policy


def test_every_option_of_a_policy_can_be_given_and_read_back() -> None:
    for name, option in POLICY.items():
        for value in (1, "x", "10/m", "skip", "latest", "lose", ["ValueError"]):
            try:
                policy = replace(Policy(), **{name: option.read(value)})
            except Refusal:
                continue
            assert policy_forms.policy_of(policy_forms.policy_json(policy)) == policy, name
            break
        else:
            pytest.fail(f"no value was found for {name}")
