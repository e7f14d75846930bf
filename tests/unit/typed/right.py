"""Code of a user that type checkers accept, as it is."""

from datetime import datetime

import rota


@rota.task()
def add(a: int, b: int = 2) -> str:
    return str(a + b)


@rota.task(id="later", overlap="queue")
async def later(when: datetime, *names: str) -> list[int]:
    return [len(name) for name in names]


@rota.task
def bare(n: int) -> int:
    return n


@rota.task("cron", hour=9)
def nightly() -> None: ...


async def use(manager: rota.TaskManager) -> None:
    text: str = add(1, b=2)
    numbers: list[int] = await later(datetime(2024, 1, 1), "a")
    handle: rota.RunHandle[str] = add.enqueue(1)
    text = handle.result(timeout=5)
    text = await handle
    ended: bool = handle.wait(1)
    numbers = (await later.aenqueue(datetime(2024, 1, 1), "a", "b")).result()
    numbers = await later.with_options(delay=5, key="k").enqueue(datetime(2024, 1, 1))
    handles: list[rota.RunHandle[str]] = add.enqueue_many([(1, 2), {"a": 1}])
    number: int = bare.with_options(priority=1).enqueue(n=1).result()
    nightly.enqueue()
    manager.add_task(add)
    manager.add_task(bare, "interval", "often", minutes=1, args=[1])
    state: str = manager.enqueue("add", arguments={"a": 1}, delay=5.0, on_conflict="error").state
    print(text, numbers, ended, handles, number, state, add.__name__)
