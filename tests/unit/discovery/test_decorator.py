"""`@rota.task` makes the same definition as an entry of TASK_DEFINITIONS."""

from __future__ import annotations

import sys
from importlib import import_module
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
    globals().pop("__rota_tasks__", None)  # else the next manager that starts here takes it in


def test_the_decorator_accepts_every_option(project: Project) -> None:
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


def test_mistakes_are_reported_when_the_file_is_loaded(project: Project) -> None:
    project.write(
        "x.py",
        """
        import rota

        @rota.task(hour=1)
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
        rota.task("cron", hour=1, id="nothing")(None)
        """,
    )
    catalogue = project.load()
    assert [made.id for made in catalogue.definitions] == ["good", "right"]
    assert [str(error).removeprefix("backgroundtask/") for error in catalogue.errors] == [
        "x.py:4, task 'bare', hour: job has no argument 'hour'. "
        "Write trigger='cron' as well: a task without a trigger is a job.",
        "x.py:7, task 'wrong', timeot: there is no such option. Did you mean 'timeout'?",
        "x.py:7, task 'wrong', hour: hour=99: '99' is not in 0-23. "
        "Write numbers from 0 to 23, like '0', '0-4', '*' or '*/2'.",
        "x.py:17, task 'Jobs.method': a function inside of a class cannot be a task. "
        "Make it a function of the module.",
        "x.py:20, task 'Jobs.static': a function inside of a class cannot be a task. "
        "Make it a function of the module.",
        "x.py:24, @rota.task, id: is missing. Give each task a unique id, like 'id': 'cleanup'.",
        "x.py:24, @rota.task, func: 7 is not a function. Name the function itself, without quotes.",
        "x.py:25, task 'nothing', func: None is not a function. "
        "Name the function itself, without quotes.",
        "x.py:13, task 'right': the id is already used in backgroundtask/x.py:10. "
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


def test_objects_that_answer_to_every_name_do_no_harm(project: Project) -> None:
    project.write(
        "x.py",
        """
        import rota

        class Strict:
            def __getattr__(self, name): raise KeyError(name)

        class Lax:
            def __getattr__(self, name): return Lax()

        strict, lax = Strict(), Lax()

        @rota.task("cron", hour=1)
        def f(): ...

        rota.task("cron", hour=1, id="strict")(strict)
        rota.task("cron", hour=1)(Strict())
        """,
    )
    catalogue = project.load()
    assert [made.id for made in project.file(catalogue, "x.py").definitions] == ["f"]
    assert [error.where.removeprefix("backgroundtask/") for error in catalogue.errors] == [
        *("x.py:15, task 'strict', func", "x.py:16, @rota.task, id", "x.py:16, @rota.task, func")
    ]


def test_functions_taken_from_another_file_count_once(project: Project) -> None:
    project.write("x.py", "import rota\n@rota.task('cron', hour=1)\ndef f(): ...")
    project.write("y.py", "import rota\nfrom backgroundtask.x import f")
    catalogue = project.load()
    assert (catalogue.errors, len(catalogue.definitions)) == ([], 2)


HELPERS = """
import rota

class Job:
    def __call__(self): return "called"
    def method(self): return "method"

def traced(func):
    def wrapper():
        return f"traced {func()}"
    return wrapper

def make(id):
    @rota.task("cron", hour=1, id=id)
    def made(): return id
    return made

@rota.task("cron", hour=1)
def helpful(): ...
"""


def test_the_decorator_marks_every_callable(project: Project) -> None:
    project.write("_helpers.py", HELPERS)
    project.write(
        "x.py",
        """
        import functools
        import rota
        from backgroundtask import _helpers

        for region in ("eu", "us"):
            @rota.task("interval", hours=1, id=f"sync_{region}", kwargs={"region": region})
            def sync(region): return region

        @rota.task("cron", hour=1)
        @_helpers.traced
        def hidden(): return "hidden"

        def base(n): return n
        rota.task("cron", hour=1, id="part")(functools.partial(base, 3))
        job = rota.task("cron", hour=1, id="job")(_helpers.Job())
        rota.task("cron", hour=1)(job.method)
        _helpers.make("there")

        def make():
            @rota.task("cron", hour=1)
            def here(): return "here"

        make()
        kept = [rota.task("cron", hour=1, id="kept")(lambda: "kept")]
        """,
    )
    catalogue = project.load()
    assert catalogue.errors == []
    made = project.file(catalogue, "x.py").definitions
    assert [
        (one.id, one.func(*one.args, **one.kwargs), one.source and one.source.line) for one in made
    ] == [
        ("sync_eu", "eu", 7),
        ("sync_us", "us", 7),
        ("wrapper", "traced hidden", 10),
        ("part", 3, 15),
        ("job", "called", 16),
        ("method", "method", 17),
        ("there", "there", 18),
        ("here", "here", 21),
        ("kept", "kept", 25),
    ]
    assert {str(one.source).partition(":")[0] for one in made} == {"backgroundtask/x.py"}


def test_a_function_that_a_worker_process_cannot_import_is_reported(project: Project) -> None:
    project.write("_helpers.py", HELPERS)
    project.write(
        "x.py",
        """
        import rota
        from backgroundtask import _helpers

        for region in ("eu", "us"):
            @rota.task("cron", hour=1, id=region, executor="process")
            def sync(): ...

        rota.task("cron", hour=1, id="job", executor="process")(_helpers.Job())
        """,
    )
    catalogue = project.load()
    assert [made.id for made in project.file(catalogue, "x.py").definitions] == ["us"]
    assert [str(error).partition(". ")[0] for error in catalogue.errors] == [
        "backgroundtask/x.py:6, task 'eu', executor: another process cannot call it: "
        "importing backgroundtask.x:sync gives another object",
        "backgroundtask/x.py:9, task 'job', executor: another process cannot call it: "
        "importing backgroundtask._helpers:Job gives another object",
    ]


def test_a_decorator_that_hides_the_function_is_reported(project: Project) -> None:
    right = "import rota\n@rota.task('cron', hour=1)\ndef f(): return 1\n"
    project.write("x.py", right)
    first = project.load()
    project.write(
        "x.py",
        """
        import functools
        import rota

        def plain(func): return lambda: func()

        def wrapping(func):
            @functools.wraps(func)
            def wrapper(): return func()
            return wrapper

        @plain
        @rota.task("cron", hour=1)
        def f(): return 2

        for id in "ab":
            @wrapping
            @rota.task("cron", hour=1, id=id)
            def g(): ...

        @rota.task("cron", hour=1)
        def renamed(): ...

        other, renamed = renamed, None
        """,
    )
    second = project.load(first)
    what = "a decorator above @rota.task, or other code, put another object in its place."
    remedy = "Write @rota.task at the top, or use functools.wraps in the decorator."
    assert [str(error) for error in second.errors] == [
        f"backgroundtask/x.py:12, task 'f': {what} {remedy}",
        f"backgroundtask/x.py:17, task 'a': {what} {remedy}",
    ]
    made = {one.id: one.func for one in second.definitions}
    assert set(made) == {"good", "b", "renamed", "f"}
    assert made["f"]() == 1  # the last good one


def test_each_task_belongs_to_the_file_that_makes_it(project: Project) -> None:
    text = "import rota\n{}\n@rota.task('cron', hour=1)\ndef {}(): ...\n"
    project.write("a.py", text.format("from backgroundtask import b", "a"))
    project.write("b.py", text.format("import backgroundtask.c as c", "b"))
    project.write("c.py", text.format("from backgroundtask import a", "c"))
    sys.path.insert(0, str(project.root))
    import_module("backgroundtask.b")  # as an application does, before rota looks
    catalogue = project.load()
    assert catalogue.errors == []
    for name in "abc":
        assert [one.id for one in project.file(catalogue, f"{name}.py").definitions] == [name]
    project.write("b.py", text.format("from backgroundtask import c", "again"))
    later = project.load(catalogue)
    assert (later.errors, [one.id for one in later.definitions]) == (
        [],
        ["a", "again", "c", "good"],
    )


def test_a_factory_that_an_import_left_behind_marks_nothing_later(project: Project) -> None:
    project.write("x.py", HELPERS)
    first = project.load()
    module = import_module("backgroundtask.x")
    assert module.make("later")() == "later"
    project.write("good.py", "TASK_DEFINITIONS = []")
    assert [one.id for one in project.load(first).definitions] == ["helpful"]
