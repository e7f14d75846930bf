"""Which task is to blame for workers that die."""

from __future__ import annotations

from rota.core.crashes import End, Suspect, blamed, in_a_row


def suspect(task_id: str, began: int, before: int, after: int, limit: int = 3) -> Suspect:
    return Suspect(task_id, began, before, after, limit)


def test_crashes_are_counted_back_to_the_last_attempt_that_its_worker_outlived() -> None:
    ends = [End(1, "a", True), End(2, "a", False), End(3, "b", True), End(4, "c", True)]
    assert in_a_row(ends) == 2
    assert in_a_row([]) == 0
    assert in_a_row(ends[:2]) == 0


def test_what_one_death_of_a_node_cut_off_is_one_crash() -> None:
    assert in_a_row([End(5, "a", True)] * 7) == 1
    assert in_a_row([End(5, "a", True), End(5, "b", True)]) == 2


def test_a_task_is_paused_at_its_limit_and_not_again_before_twice_that() -> None:
    assert blamed([suspect("t", 0, 1, 2)]) is None
    assert blamed([suspect("t", 0, 2, 3)]) is not None
    assert blamed([suspect("t", 0, 3, 4)]) is None
    assert blamed([suspect("t", 0, 2, 4)]) is not None
    assert blamed([suspect("t", 0, 5, 6)]) is not None


def test_of_several_for_which_it_is_time_the_one_that_began_last_is_paused() -> None:
    long, killer, other = suspect("long", 1, 2, 3), suspect("k", 9, 2, 3), suspect("o", 10, 0, 1)
    assert blamed([long, killer, other]) is killer
