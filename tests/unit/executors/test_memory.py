"""The sampler of memory."""

from __future__ import annotations

import random
import threading

from rota.executors.memory_sampler import Sampler


def test_the_memory_sampler_knows_nothing_unless_asked() -> None:
    assert Sampler().peak(0) is None


def test_the_peak_since_a_moment_is_the_highest_sample_since() -> None:
    sampler = Sampler()
    chance = random.Random(7)
    sizes = [chance.randrange(50) for _ in range(200)]
    marks = []
    for size in sizes:
        sampler.take(size)
        marks.append(sampler.mark())
    for number, mark in enumerate(marks):
        assert sampler.peak(mark) == max(sizes[number:])


def test_the_memory_sampler_stores_little_while_memory_shrinks() -> None:
    sampler = Sampler()
    sampler.take(100_000)
    first = sampler.mark()
    for size in range(10_000, 0, -1):
        sampler.take(size)
    assert sampler.peak(first) == 100_000
    assert sampler.peak(sampler.mark()) == 1


def test_the_memory_sampler_runs_only_while_an_attempt_needs_it() -> None:
    sampler = Sampler()
    for _ in range(2):
        sampler.acquire()
    assert (sampler.peak(sampler.mark()) or 0) > 1_000_000
    [thread] = [one for one in threading.enumerate() if one.name == "rota-memory"]
    for _ in range(2):
        sampler.release()
    thread.join(90)
    assert not thread.is_alive()
