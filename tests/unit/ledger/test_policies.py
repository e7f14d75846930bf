"""A policy is read back from the ledger as it was written, whatever it says."""

from __future__ import annotations

from dataclasses import fields

import pytest

from rota.core.task import Policy
from rota.ledger.sql import forms, mapping

GIVEN = {"int | None": 7, "float | None": 7.5, "str | None": "seven"}


@pytest.mark.parametrize("name", [one.name for one in fields(Policy) if one.type in GIVEN])
def test_what_may_be_left_out_is_read_where_it_is_given(name: str) -> None:
    kind = next(str(one.type) for one in fields(Policy) if one.name == name)
    policy = Policy(**{name: GIVEN[kind]})  # type: ignore[arg-type]
    assert forms.policy_of(mapping._policy_json(policy)) == policy
