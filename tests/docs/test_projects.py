"""The how-tos for other frameworks, as written: their files, their commands, real servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from rota.testing import eventually
from tests.docs.pages import snippets
from tests.integration.cli.project import environment, free_port

BIN = Path(sys.executable).parent


def build(page: str, project: Path) -> None:
    """Write each of a page's files, which a comment in their first line names."""
    for snippet in snippets(Path("docs/howto") / page, "python"):
        name, _, text = snippet.text.partition("\n")
        file = project / name.removeprefix("# ")
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)


def does(project: Path, *command: str) -> str:
    """Run a command in the project to its end and return what it says."""
    done = subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=project,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@contextmanager
def server(project: Path, *command: str) -> Iterator[psutil.Popen]:
    """Run a command in the project until the block ends; then it has to end in peace and alone."""
    with (project / "said.txt").open("a") as said, psutil.Popen(
        [BIN / command[0], *command[1:]], cwd=project, env=environment(), stdout=said, stderr=said
    ) as process:  # fmt: skip
        family: list[psutil.Process] = []
        try:
            yield process
            family = process.children(recursive=True)
            process.terminate()
            process.wait(30)
        finally:
            for one in (*family, process):
                if one.is_running():
                    one.kill()
    assert "Traceback" not in (project / "said.txt").read_text()


def ask(url: str, method: str = "GET") -> Any:
    """Return the JSON that a server answers, or None where there is none yet."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method)) as answer:
            return json.load(answer)
    except OSError:
        return None


def settings(project: Path, **manager: Any) -> None:
    (project / "config.json").write_text(json.dumps({"manager": manager}))


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
    return tmp_path


def test_django_beside_the_web_server(shop: Path) -> None:
    web, port = free_port(), free_port()
    settings(shop, port=port)
    assert "1 task is right" in does(shop, "rota", "check")
    with server(shop, "rota", "up"):
        eventually(lambda: ask(f"http://127.0.0.1:{port}/manager/tasks"))
        with server(shop, "python", "manage.py", "runserver", "--noreload", str(web)):
            answer = eventually(lambda: ask(f"http://127.0.0.1:{web}/close", "POST"))
            url = f"http://127.0.0.1:{port}/manager/runs/{answer['run']}"
            eventually(lambda: ask(url)["state"] == "succeeded", what=lambda: str(ask(url)))
            assert ask(url)["result"] == 1
        [node] = ask(f"http://127.0.0.1:{port}/manager/nodes")
        assert node["state"] == "up"


def test_django_within_the_server(shop: Path) -> None:
    port = free_port()
    settings(shop)
    url = f"http://127.0.0.1:{port}"
    with server(shop, "uvicorn", "shop.asgi:application", "--workers=2", f"--port={port}"):
        answer = eventually(lambda: ask(f"{url}/close", "POST"))
        run = f"{url}/rota/manager/runs/{answer['run']}"
        eventually(lambda: ask(run)["state"] == "succeeded", what=lambda: str(ask(run)))
        eventually(lambda: len(ask(f"{url}/rota/manager/nodes")) == 2)


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


@pytest.mark.skipif(os.name != "posix", reason="gunicorn runs on POSIX systems only")
def test_flask_within_gunicorn(greetings: Path) -> None:
    port = free_port()
    settings(greetings, shutdown_grace=5)
    with server(greetings, "gunicorn", "shop:app", f"--bind=127.0.0.1:{port}"):
        assert greeted(f"http://127.0.0.1:{port}")
    said = (greetings / "said.txt").read_text()
    assert said.count("is up with 1 tasks") in (0, 4)
