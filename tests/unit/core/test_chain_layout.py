"""Where the tasks of a chain are drawn."""

from __future__ import annotations

from rota.core.chains.layout import columns, near


def test_what_runs_first_is_on_the_left() -> None:
    links = {"load": ["extract"], "report": ["load", "extract"], "alert": ["report"]}
    ids, left_out = near("load", links, 10)
    assert (sorted(ids), left_out) == (["alert", "extract", "load", "report"], 0)
    assert columns(ids, links) == [["extract"], ["load"], ["report"], ["alert"]]


def test_a_task_without_a_chain_is_alone() -> None:
    assert near("a", {"c": ["b"]}, 10) == (["a"], 0)


def test_the_nearest_tasks_are_kept_and_the_others_counted() -> None:
    links = {f"t{n + 1}": [f"t{n}"] for n in range(9)}
    ids, left_out = near("t5", links, 5)
    assert (set(ids), left_out) == ({"t3", "t4", "t5", "t6", "t7"}, 5)
    assert columns(ids, links) == [["t3"], ["t4"], ["t5"], ["t6"], ["t7"]]


def test_each_is_near_to_what_it_runs_after() -> None:
    links = {"a2": ["z1"], "z2": ["a1"]}
    assert columns(["a1", "z1", "a2", "z2"], links) == [["a1", "z1"], ["z2", "a2"]]


def test_a_cycle_is_drawn_all_the_same() -> None:
    links = {"a": ["b"], "b": ["a"], "c": ["c"]}
    assert sorted(one for column in columns(["a", "b"], links) for one in column) == ["a", "b"]
    assert columns(["c"], links) == [["c"]]
