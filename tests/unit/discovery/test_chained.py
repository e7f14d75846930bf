"""Chains in task files: unknown upstream tasks and cycles are mistakes of the file."""

from __future__ import annotations

from rota.discovery.loader import Catalogue
from tests.unit.discovery.conftest import Project

HEAD = """
import rota

@rota.task("cron", hour=9)
async def extract(): ...
"""


def ids(catalogue: Catalogue) -> list[str]:
    """The ids of what was loaded, but for the task that every project of these tests has."""
    return [one.id for one in catalogue.definitions if one.id != "good"]


def test_a_chain_over_files_is_loaded(project: Project) -> None:
    project.write("one.py", HEAD)
    project.write("two.py", """
        import rota

        @rota.task(after="extract")
        async def load(): ...

        TASK_DEFINITIONS = [
            {"id": "short", "func": load, "after": "extract"},
            {"id": "report", "func": load, "trigger": "after", "trigger_args":
                {"tasks": ["extract", "load"], "on": "end", "all": False}},
        ]
    """)  # fmt: skip

    catalogue = project.load()

    assert catalogue.errors == []
    found = {one.id: (one.trigger, one.trigger_args) for one in catalogue.definitions}
    assert found["load"] == ("after", {"tasks": "extract"})
    assert found["report"] == (
        "after",
        {"tasks": ["extract", "load"], "on": "end", "all": False},
    )


def test_an_unknown_upstream_task_is_said_with_file_and_line(project: Project) -> None:
    project.write("one.py", HEAD + """
@rota.task(after="extrct")
async def load(): ...
""")  # fmt: skip

    catalogue = project.load()

    (error,) = catalogue.errors
    assert "backgroundtask/one.py:7, task 'load'" in str(error)
    assert "'extrct'" in str(error)
    assert "extract" in error.remedy
    assert ids(catalogue) == ["extract", "load"]


def test_a_cycle_is_refused_with_its_path_and_the_others_are_loaded(project: Project) -> None:
    project.write("one.py", HEAD + """
@rota.task(after="c")
async def a(): ...

@rota.task(after=["a", "extract"])
async def b(): ...

@rota.task(after="b")
async def c(): ...

@rota.task(after="extract")
async def load(): ...
""")  # fmt: skip

    catalogue = project.load()

    assert ids(catalogue) == ["extract", "load"]
    assert len(catalogue.errors) == 3
    assert "backgroundtask/one.py:7, task 'a'" in str(catalogue.errors[0])
    assert "a after c after b after a" in str(catalogue.errors[0])


def test_a_task_after_itself_is_refused(project: Project) -> None:
    project.write("one.py", HEAD + """
@rota.task(after="load")
async def load(): ...
""")  # fmt: skip

    (error,) = project.load().errors
    assert "the task itself" in str(error)


def test_a_chain_stays_while_the_file_of_its_upstream_task_is_away(project: Project) -> None:
    upstream = project.write("one.py", HEAD)
    project.write("two.py", """
        import rota

        @rota.task(after="extract")
        async def load(): ...
    """)  # fmt: skip
    first = project.load()
    assert first.errors == []

    project.write("one.py", "import rota  # @rota.task\nthis is no Python")
    broken = project.load(first)
    assert ids(broken) == ["extract", "load"]  # the last good version
    assert len(broken.errors) == 1

    upstream.unlink()
    away = project.load(broken)
    assert ids(away) == ["load"]
    assert "'extract'" in str(away.errors[0])

    project.write("one.py", HEAD)
    assert project.load(away).errors == []
