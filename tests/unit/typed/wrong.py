"""Code of a user in which each marked line is a mistake that type checkers find.

`make check` reports a mark where mypy finds nothing, and a mistake that has no mark.
"""

import rota


@rota.task()
def add(a: int, b: int = 2) -> str:
    return str(a + b)


@rota.task()
async def later(n: int) -> int:
    return n


async def use() -> None:
    add.enqueue("x")  # type: ignore[arg-type]
    add.enqueue()  # type: ignore[call-arg]
    add.enqueue(1, c=2)  # type: ignore[call-arg]
    add.enqueue(1, 2, 3)  # type: ignore[call-arg]
    add("x")  # type: ignore[arg-type]
    number: int = add.enqueue(1).result()  # type: ignore[assignment]
    text: str = await later.enqueue(1)  # type: ignore[assignment]
    later.with_options(delay=1).enqueue("x")  # type: ignore[arg-type]
    add.with_options(on_conflict="ignore")  # type: ignore[arg-type]
    add.with_options(later=3)  # type: ignore[call-arg]
    add.enqueue_many([1])  # type: ignore[list-item]
    add.gone  # type: ignore[attr-defined]
    print(number, text)
