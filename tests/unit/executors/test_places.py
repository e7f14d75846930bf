"""Where code stands."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from types import coroutine

from rota.executors import stack_location


async def outer() -> None:
    await inner()


async def inner() -> None:
    await asyncio.sleep(1000)


@coroutine
def old_style() -> Generator[None, None, None]:
    yield


async def upon_old_style() -> None:
    await old_style()


def test_the_place_of_a_coroutine_is_the_innermost_line_of_user_code() -> None:
    async def look() -> str:
        task = asyncio.create_task(outer())
        await asyncio.sleep(0)
        place = stack_location.of_coroutine(task.get_coro())
        task.cancel()
        return place

    assert asyncio.run(look()) == f"{__file__}:{inner.__code__.co_firstlineno + 1}, in inner"


def test_a_generator_in_the_chain_is_followed() -> None:
    waiting = upon_old_style()
    waiting.send(None)
    assert stack_location.of_coroutine(waiting).endswith("in old_style")
    waiting.close()


def test_the_place_of_a_thread_is_the_innermost_line_of_user_code() -> None:
    began, end = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        end.wait()

    thread = threading.Thread(target=work)
    thread.start()
    began.wait()
    place = stack_location.of_thread(thread.ident)
    end.set()
    thread.join()
    assert place.startswith(f"{__file__}:")
    assert place.endswith(
        "in test_the_place_of_a_thread_is_the_innermost_line_of_user_code.<locals>.work"
    )


def test_a_deleted_run_appears_in_no_list() -> None:
    assert stack_location.of_thread(None) == stack_location.UNKNOWN
    done = inner()
    done.close()
    assert stack_location.of_coroutine(done) == stack_location.UNKNOWN
