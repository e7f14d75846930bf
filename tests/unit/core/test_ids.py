"""Run ids sort by the time they were made."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from rota.core.ids import RunIds


def test_ids_rise_even_within_a_moment_and_when_the_clock_steps_back() -> None:
    ids = RunIds()
    made = [ids.new(5_000_000) for _ in range(1_000)] + [ids.new(1_000) for _ in range(10)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert {len(one) for one in made} == {26}


def test_ids_of_several_threads_are_unique() -> None:
    ids = RunIds()
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: ids.new(7_000_000), range(4_000)))
    assert len(set(made)) == 4_000


def test_the_leading_part_is_the_time() -> None:
    assert RunIds().new(0).startswith("0000000000")
    assert RunIds().new(1_700_000_000_000_000)[:10] == "01HF7YAT00"
