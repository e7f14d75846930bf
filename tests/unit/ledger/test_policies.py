"""A policy is read back from the ledger as it was written, whatever it says."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from rota.core.task import Policy
from rota.ledger.sql import policy_forms

GIVEN = {"int | None": 7, "float | None": 7.5, "str | None": "seven"}


@pytest.mark.parametrize("name", [one.name for one in fields(Policy) if one.type in GIVEN])
def test_what_may_be_left_out_is_read_where_it_is_given(name: str) -> None:
    kind = next(str(one.type) for one in fields(Policy) if one.name == name)
    policy = Policy(**{name: GIVEN[kind]})  # type: ignore[arg-type]
    assert policy_forms.policy_of(policy_forms.policy_json(policy)) == policy


def test_a_list_of_delays_is_read_back_and_a_release_before_reads_the_first() -> None:
    text = policy_forms.policy_json(Policy(retry_delay=(1.0, 5.0)))
    assert policy_forms.policy_of(text) == Policy(retry_delay=(1.0, 5.0))
    assert json.loads(text)["retry_delay"] == 1.0
    with pytest.raises(ValueError, match="retry_delays"):
        policy_forms.policy_of(text.replace("[1.0,5.0]", '["soon"]'))
