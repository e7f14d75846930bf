"""What only some executors can go through: loops held, crashes, descendants."""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from rota.task_api.current_run import current_run
from tests.conformance.executors import coroutines

free = threading.Event()
"""Set by a test to let the functions end that hold this process's threads."""


# --- on a loop ----------------------------------------------------------------------------------


async def hold() -> None:
    """Hold the loop, and do not let go until it is set free."""
    current_run().progress(0)
    free.wait()


async def spin() -> None:
    current_run().progress(0)
    while not free.is_set():
        pass


async def hold_in_child() -> None:
    await asyncio.create_task(hold())


async def hold_again_and_again() -> None:
    """Let go for a moment now and then, deaf to cancellation."""
    current_run().progress(0)
    while not free.is_set():
        free.wait(0.6)
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)


async def sleep_until_free() -> str:
    current_run().progress(0)
    while not free.is_set():  # noqa: ASYNC110 - that event belongs to threads
        await asyncio.sleep(0.002)
    return threading.current_thread().name


async def name_thread() -> str:
    return threading.current_thread().name


async def exit_in_child() -> None:
    async def leave() -> None:
        raise SystemExit(1)

    asyncio.create_task(leave())  # noqa: RUF006
    await asyncio.sleep(0.01)


async def stop_loop() -> None:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0.01)


async def leave_child_behind() -> None:
    asyncio.create_task(asyncio.sleep(1000))  # noqa: RUF006


async def tell_from_everywhere() -> list[str]:
    async def child() -> str:
        return current_run().id

    here = current_run().id
    return [here, await asyncio.create_task(child()), await asyncio.to_thread(_own_id)]


variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="clean")


async def soil_context() -> str:
    before = variable.get()
    variable.set("soiled")
    return before


# --- in a thread --------------------------------------------------------------------------------


def spin_plain() -> None:
    current_run().progress(0)
    while not free.is_set():
        pass


def name_plain() -> str:
    return threading.current_thread().name


def soil_plain() -> str:
    before = variable.get()
    variable.set("soiled")
    return before


def disguised() -> Any:
    return name_thread()


def disguised_endless(note: str) -> Any:
    async def endless() -> None:
        current_run().progress(1, None, note)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            current_run().progress(2, None, "cancelled")
            raise

    return endless()


def disguised_deaf(gate: str) -> Any:
    return coroutines.ignore(gate)


def disguised_talk() -> Any:
    print("called")  # noqa: T201

    async def talk() -> str:
        print("awaited")  # noqa: T201
        return current_run().id

    return talk()


def set_and_hand_on() -> Any:
    variable.set("set by the call")

    async def get() -> str:
        return variable.get()

    return get()


class Awaitable:
    """No coroutine, and can be awaited."""

    def __await__(self) -> Any:
        yield from asyncio.sleep(0).__await__()
        return "awaited"


def awaitable_of_ones_own() -> Awaitable:
    return Awaitable()


_lock: asyncio.Lock | None = None
_waiting: set[Any] = set()


async def meet_on_one_loop() -> int:
    """Use what belongs to the loop of the first call; returns which call this is."""
    global _lock
    loop = asyncio.get_running_loop()
    if _lock is None:
        _lock = asyncio.Lock()
        _waiting.add(loop)
    assert _waiting == {loop}
    async with _lock:
        future = loop.create_future()
        _waiting.add(loop.call_soon(future.set_result, None))
        await future
        _waiting.clear()
        _waiting.add(loop)
    return id(loop)


def store_after(gate: str) -> None:
    """Store something after the attempt was given up; says in a file what came of it."""
    current_run().progress(0)
    while not Path(gate).exists():
        time.sleep(0.002)
    try:
        current_run().checkpoint(1)
    except Exception as error:
        Path(f"{gate}.said").write_text(str(error))


def _own_id() -> str:
    return current_run().id


# --- in a process -------------------------------------------------------------------------------


def own_pids() -> list[int]:
    return [os.getpid(), os.getppid()]


def crash() -> None:
    ctypes.string_at(0)


def exit_at_once(code: int) -> None:
    os._exit(code)


def kill_oneself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def match_forever() -> None:
    current_run().progress(0)
    re.match(r"(a+)+$", "a" * 40 + "b")


def have_descendants() -> None:
    """Start a child, one in a session of its own, and a daemon whose parent is gone."""
    pids = [os.getpid()]
    pids += [
        subprocess.Popen(["sleep", "1000"], start_new_session=own).pid for own in (False, True)
    ]
    script = "setsid sleep 1000 >/dev/null 2>&1 & echo $!"
    pids.append(int(subprocess.check_output(["/bin/sh", "-c", script])))
    current_run().checkpoint(pids)
    time.sleep(1000)


def leave_descendant() -> None:
    current_run().checkpoint([subprocess.Popen(["sleep", "1000"]).pid])
    os._exit(1)


def speak_below_python() -> None:
    os.write(1, "naïve\n".encode())
    subprocess.run(["/bin/sh", "-c", "echo from a child >&2; printf unfinished"], check=True)
    sys.stdout.buffer.write(b"bytes\n")
    sys.stdout.flush()


def log_here() -> None:
    logging.getLogger("tests.elsewhere").warning("heard at home")


def read_input() -> str:
    return sys.stdin.read()
