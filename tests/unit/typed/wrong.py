"""Code of a user in which each marked line is a mistake that type checkers find."""

import rota


@rota.task()
def add(a: int, b: int = 2) -> str:
    return str(a + b)


@rota.task()
async def later(n: int) -> int:
    return n


async def use() -> None:
    add.enqueue("x")  # wrong
    add.enqueue()  # wrong
    add.enqueue(1, c=2)  # wrong
    add.enqueue(1, 2, 3)  # wrong
    add("x")  # wrong
    number: int = add.enqueue(1).result()  # wrong
    text: str = await later.enqueue(1)  # wrong
    later.with_options(delay=1).enqueue("x")  # wrong
    add.with_options(on_conflict="ignore")  # wrong
    add.with_options(later=3)  # wrong
    add.enqueue_many([1])  # wrong
    add.gone  # wrong
    print(number, text)
