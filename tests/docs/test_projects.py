"""The how-tos for other frameworks, as written: their files, their commands, real servers."""

from __future__ import annotations

import json
import os
import signal
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from rota.core.run import State
from rota.testing import eventually
from tests import forked
from tests.acceptance.project import history_of
from tests.docs.pages import snippets
from tests.integration.cli.project import environment, free_port

BIN = Path(sys.executable).parent


def build(page: str, project: Path, only: str = "") -> None:
    """Write each of a page's files, which a comment in their first line names, or one of them."""
    for snippet in snippets(Path("docs/howto") / page, "python"):
        name, _, text = snippet.text.partition("\n")
        if name.startswith("# ") and name.endswith(only or ".py"):
            file = project / name.removeprefix("# ")
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)


def command(page: str, program: str) -> list[str]:
    """Return the words of a page's command."""
    blocks = snippets(Path("docs/howto") / page, "sh")
    [found] = [block.text for block in blocks if block.text.startswith(f"{program} ")]
    return found.split()


def does(project: Path, *command: str, code: int = 0) -> str:
    """Run a command in the project to its end, which is `code`, and return what it says."""
    done = forked.run([str(BIN / command[0]), *command[1:]], project, environment())
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@contextmanager
def server(project: Path, *command: str) -> Iterator[forked.Started]:
    """Run a command in the project until the block ends; then it has to end in peace and alone."""
    alone = environment(HOME=str(project))  # gunicorn writes there
    with (project / "said.txt").open("a") as said:
        process = forked.start([str(BIN / command[0]), *command[1:]], project, alone, out=said)
    family: list[psutil.Process] = []
    try:
        yield process
        family = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        # Some end by the signal itself, uvicorn's after all that it had to do.
        assert process.wait(60) in (0, -signal.SIGTERM), (project / "said.txt").read_text()
        assert psutil.wait_procs(family, timeout=10)[1] == []
    finally:
        with suppress(psutil.NoSuchProcess):
            family += psutil.Process(process.pid).children(recursive=True)
        for one in family:
            if one.is_running():
                one.kill()
        process.kill()
        process.wait(60)
    assert "Traceback" not in (project / "said.txt").read_text()


def nodes_of(project: Path) -> list[str]:
    """Return the states of every node that has ever been in a project's ledger."""
    with history_of(project) as history:
        return [node.state for node in history.nodes()]


def ask(url: str, method: str = "GET") -> Any:
    """Return the JSON that a server answers, or None where there is none yet."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method)) as answer:
            return json.load(answer)
    except OSError:
        return None


def settings(project: Path, **manager: Any) -> None:
    (project / "config.json").write_text(json.dumps({"manager": manager}))


POSIX = pytest.mark.skipif(os.name != "posix", reason="gunicorn runs on POSIX systems only")


@pytest.mark.parametrize("program", ["uvicorn", pytest.param("gunicorn", marks=POSIX)])
def test_fastapi(tmp_path: Path, program: str) -> None:
    build("fastapi.md", tmp_path)
    settings(tmp_path)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    bind = f"--port={port}" if program == "uvicorn" else f"--bind=127.0.0.1:{port}"
    with server(tmp_path, *command("fastapi.md", program), bind):
        run = eventually(lambda: ask(f"{url}/greet?name=Ada", "POST"))
        eventually(lambda: ask(f"{url}/manager/runs/{run}")["result"] == "Hello Ada")
        with urllib.request.urlopen(f"{url}/rota/runs/{run}") as page:
            assert "Hello Ada" in page.read().decode()
        eventually(lambda: len(ask(f"{url}/manager/nodes")) == 4)
    assert nodes_of(tmp_path) == ["stopped"] * 4


def test_fastapi_with_a_lifespan_of_its_own(tmp_path: Path) -> None:
    blocks = snippets(Path("docs/howto/fastapi.md"), "python")
    (tmp_path / "own.py").write_text("\n".join(one.text for one in blocks if not one.not_run))
    settings(tmp_path)
    port = free_port()
    with server(tmp_path, "uvicorn", "own:app", f"--port={port}"):
        # It answers when the lifespan has begun; the ledger's file is there before its tasks are.
        eventually(lambda: ask(f"http://127.0.0.1:{port}/openapi.json"))
        assert "succeeded" in does(tmp_path, "rota", "run", "tidy_up", "--wait")
    assert nodes_of(tmp_path) == ["stopped"]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A Django project with an application of one model, as its own commands make it."""
    does(tmp_path, "django-admin", "startproject", "shop", ".")
    does(tmp_path, "python", "manage.py", "startapp", "orders")
    for name, text in {
        "shop/settings.py": "INSTALLED_APPS += ['orders']\n",
        "orders/models.py": "class Order(models.Model):\n"
        "    paid = models.BooleanField(default=False)\n"
        "    closed = models.BooleanField(default=False)\n",
        "shop/urls.py": "import orders.views\n"
        "from django.views.decorators.csrf import csrf_exempt\n"
        "urlpatterns += [path('close', csrf_exempt(orders.views.close))]\n",
    }.items():
        with (tmp_path / name).open("a") as file:
            file.write(text)
    build("django.md", tmp_path)
    does(tmp_path, "python", "manage.py", "makemigrations")
    does(tmp_path, "python", "manage.py", "migrate")
    does(tmp_path, "python", "manage.py", "shell", "-c",
         "from orders.models import Order; Order.objects.create()")  # fmt: skip
    assert not (tmp_path / "rota.db").exists()  # none of these commands is a node
    return tmp_path


def closed(web: str, manager: str) -> bool:
    """Have Django start the task, and see how that went."""
    answer = eventually(lambda: ask(f"{web}/close", "POST"))
    run = f"{manager}/manager/runs/{answer['run']}"
    eventually(lambda: ask(run)["state"] == "succeeded", what=lambda: str(ask(run)))
    return bool(ask(run)["result"] == 1)


def test_django_beside_the_web_server(shop: Path) -> None:
    web, port = free_port(), free_port()
    settings(shop, port=port)
    assert "1 task is right" in does(shop, "rota", "check")
    with server(shop, "rota", "up"):
        eventually(lambda: ask(f"http://127.0.0.1:{port}/manager/tasks"))
        with server(shop, "python", "manage.py", "runserver", str(web)):
            assert closed(f"http://127.0.0.1:{web}", f"http://127.0.0.1:{port}")
    assert nodes_of(shop) == ["stopped"]  # neither runserver nor its reloader was one


def test_django_within_the_asgi_server(shop: Path) -> None:
    port = free_port()
    settings(shop)
    url = f"http://127.0.0.1:{port}"
    with server(shop, *command("django.md", "uvicorn"), f"--port={port}"):
        assert closed(url, f"{url}/rota")
        eventually(lambda: len(ask(f"{url}/rota/manager/nodes")) == 4)
    assert nodes_of(shop) == ["stopped"] * 4


@POSIX
def test_django_within_gunicorn(shop: Path) -> None:
    build("flask.md", shop, only="gunicorn.conf.py")
    web = free_port()
    settings(shop, shutdown_grace=5)
    with server(shop, *command("django.md", "gunicorn"), f"--bind=127.0.0.1:{web}"):
        run = eventually(lambda: ask(f"http://127.0.0.1:{web}/close", "POST"))["run"]
        with history_of(shop) as history:
            eventually(lambda: history.run(run).state is State.SUCCEEDED)
            eventually(lambda: len(history.nodes()) == 4)
    assert nodes_of(shop) == ["stopped"] * 4


@pytest.fixture
def greetings(tmp_path: Path) -> Path:
    """A Flask project."""
    build("flask.md", tmp_path)
    return tmp_path


def greeted(url: str) -> bool:
    """Greet, and see how that went."""
    run = eventually(lambda: ask(f"{url}/greet/Ada", "POST"))["run"]
    found = eventually(
        lambda: (found := ask(f"{url}/greetings/{run}"))["state"] == "succeeded" and found
    )
    return bool(found["result"] == "Hello Ada")


def test_flask_beside_the_web_server(greetings: Path) -> None:
    web, port = free_port(), free_port()
    settings(greetings, port=port)
    with server(greetings, "rota", "up"):
        eventually(lambda: ask(f"http://127.0.0.1:{port}/manager/tasks"))
        with server(greetings, "flask", "--app", "shop", "run", f"--port={web}"):
            assert greeted(f"http://127.0.0.1:{web}")


@POSIX
@pytest.mark.parametrize("options", [[], ["--preload"]])
def test_flask_within_gunicorn(greetings: Path, options: list[str]) -> None:
    port = free_port()
    settings(greetings, shutdown_grace=5)
    (greetings / "backgroundtask" / "wrong.py").write_text("TASK_DEFINITIONS = 1\n")
    slow = ("--timeout=300", "--graceful-timeout=90")  # gunicorn kills workers of a busy machine
    gunicorn = (*command("flask.md", "gunicorn"), f"--bind=127.0.0.1:{port}", *options, *slow)
    with server(greetings, *gunicorn):
        assert greeted(f"http://127.0.0.1:{port}")
        eventually(lambda: len(nodes_of(greetings)) == 4)
    assert nodes_of(greetings) == ["stopped"] * 4
    assert "wrong.py" in (greetings / "said.txt").read_text()
