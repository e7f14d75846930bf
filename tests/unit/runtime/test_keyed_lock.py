"""One after the other under a key, threads and coroutines alike."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from rota.errors import StateError
from rota.runtime.keyed_lock import KeyedLock

MANY = 20


def test_threads_take_turns() -> None:
    turns, inside, most = KeyedLock(), 0, 0
    start = threading.Barrier(MANY)

    def work() -> None:
        nonlocal inside, most
        start.wait(90)
        for _ in range(50):
            with turns.of_thread("k"):
                inside += 1
                most = max(most, inside)
                inside -= 1

    with ThreadPoolExecutor(MANY) as pool:
        for done in [pool.submit(work) for _ in range(MANY)]:
            done.result(90)
    assert (inside, most) == (0, 1)


def test_coroutines_and_threads_take_turns() -> None:
    turns, inside, most = KeyedLock(), 0, 0

    async def work() -> None:
        nonlocal inside, most
        async with turns.of_coroutine("k"):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    def plain() -> None:
        nonlocal inside, most
        with turns.of_thread("k"):
            inside += 1
            most = max(most, inside)
            inside -= 1

    async def all_of_them() -> None:
        async with asyncio.timeout(30):
            threads = (asyncio.to_thread(plain) for _ in range(MANY))
            await asyncio.gather(*threads, *(work() for _ in range(MANY)))

    asyncio.run(all_of_them())
    assert (inside, most) == (0, 1)


def test_other_keys_do_not_wait() -> None:
    turns = KeyedLock()
    with turns.of_thread("a"), turns.of_thread("b"):
        pass


def test_a_cancelled_waiter_for_a_lock_blocks_no_other() -> None:
    turns = KeyedLock()

    async def take() -> str:
        async with turns.of_coroutine("k"):
            return "mine"

    async def main() -> str:
        async with turns.of_coroutine("k"):
            impatient, patient = asyncio.create_task(take()), asyncio.create_task(take())
            await asyncio.sleep(0)
            impatient.cancel()
            with pytest.raises(asyncio.CancelledError):
                await impatient
        return await asyncio.wait_for(patient, 30)

    assert asyncio.run(main()) == "mine"


def test_a_thread_that_would_wait_for_itself_gets_an_error() -> None:
    turns = KeyedLock()
    with (
        turns.of_thread("k"),
        pytest.raises(StateError, match="'k' would wait for itself"),
        turns.of_thread("k"),
    ):
        pass
    with turns.of_thread("k"):
        pass


def test_a_coroutine_that_would_wait_for_itself_gets_an_error() -> None:
    turns = KeyedLock()

    async def main() -> None:
        async with turns.of_coroutine("k"):
            with pytest.raises(StateError, match="would wait for itself"):
                async with turns.of_coroutine("k"):
                    pass
            # Nor could its thread wait, on which it has to go on.
            with pytest.raises(StateError, match="would wait for itself"), turns.of_thread("k"):
                pass

    asyncio.run(main())
