"""`@rota.task` makes the same definition as an entry of TASK_DEFINITIONS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rota
from rota.core.task import ExecutorName

if TYPE_CHECKING:
    from .conftest import Project


def test_the_function_stays_as_it_is() -> None:
    def double(n: int) -> int:
        return 2 * n

    assert rota.task("cron", hour=9)(double) is double
    assert double(2) == 4


def test_it_takes_every_option(project: Project) -> None:
    project.write(
        "x.py",
        """
        import rota

        @rota.task(trigger="cron", hour=9, name="The X", max_retries=1, timeout=5,
                   retry_on=ValueError, timezone="Europe/Berlin")
        async def nightly():
            "Runs at night."

        @rota.task(crontab="*/5 * * * *", id="often", enabled=False)
        def five(): ...

        @rota.task("interval", hours=1, id="hourly", args=[1])
        @rota.task("date", run_date="2090-01-01", id="once", args=[2])
        def twice(n): return n
        """,
    )
    catalogue = project.load()
    assert catalogue.errors == []
    made = project.file(catalogue, "x.py").definitions
    assert [(one.id, one.trigger, dict(one.trigger_args)) for one in made] == [
        ("nightly", "cron", {"hour": 9}),
        ("often", "cron", {"crontab": "*/5 * * * *"}),
        ("hourly", "interval", {"hours": 1}),
        ("once", "date", {"run_date": "2090-01-01"}),
    ]
    nightly = made[0]
    assert (nightly.name, nightly.description) == ("The X", "Runs at night.")
    assert nightly.executor is ExecutorName.ASYNC
    assert (nightly.policy.max_retries, nightly.policy.retry_on) == (1, ("ValueError",))
    assert str(nightly.source) == "backgroundtask/x.py:4"
    assert made[1].enabled is False
    assert [one.args for one in made[2:]] == [(1,), (2,)]


def test_mistakes_are_said_when_the_file_is_loaded(project: Project) -> None:
    project.write(
        "x.py",
        """
        import rota

        @rota.task
        def bare(): ...

        @rota.task("cron", hour=99, timeot=3)
        def wrong(): ...

        @rota.task("cron", hour=1)
        def right(): ...

        @rota.task("cron", hour=1, id="right")
        def repeated(): ...

        class Jobs:
            @rota.task("cron", hour=1)
            def method(self): ...

            @staticmethod
            @rota.task("cron", hour=1)
            def static(): ...

        rota.task("cron", hour=1)(7)
        """,
    )
    catalogue = project.load()
    assert [made.id for made in catalogue.definitions] == ["good", "right"]
    assert [str(error).removeprefix("backgroundtask/") for error in catalogue.errors] == [
        "x.py:4, task 'bare', trigger: is missing. Write 'cron', 'interval' or 'date'.",
        "x.py:7, task 'wrong', timeot: there is no such option. Did you mean 'timeout'?",
        "x.py:7, task 'wrong', hour: hour=99: '99' is not in 0-23. "
        "Write numbers from 0 to 23, like '0', '0-4', '*' or '*/2'.",
        "x.py:17, task 'Jobs.method': a function inside of a class cannot be a task. "
        "Make it a function of the module.",
        "x.py:20, task 'Jobs.static': a function inside of a class cannot be a task. "
        "Make it a function of the module.",
        "x.py:13, task 'right': the id stands in backgroundtask/x.py:10 already. "
        "Give one of the two another id.",
    ]


def test_a_decorator_above_it_is_part_of_the_task(project: Project) -> None:
    project.write(
        "x.py",
        """
        import functools
        import rota

        def doubled(func):
            @functools.wraps(func)
            def wrapper():
                return 2 * func()
            return wrapper

        @doubled
        @rota.task("cron", hour=1)
        def three(): return 3

        alias = three
        """,
    )
    catalogue = project.load()
    assert catalogue.errors == []
    (made,) = project.file(catalogue, "x.py").definitions
    assert (made.id, made.func()) == ("three", 6)


def test_functions_taken_from_another_file_count_once(project: Project) -> None:
    project.write("x.py", "import rota\n@rota.task('cron', hour=1)\ndef f(): ...")
    project.write("y.py", "import rota\nfrom backgroundtask.x import f")
    catalogue = project.load()
    assert (catalogue.errors, len(catalogue.definitions)) == ([], 2)
