"""The rules of the house: sizes, one meaning per name, plain English. None has an exception.

`python -m tests.house` prints what breaks a rule and exits with 1.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from rota import TaskManager
from rota import __all__ as public
from tests import plain_english
from tests.docs import shelves

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("src", "xcore")

FILE_LINES = 400
FUNCTION_LINES = 60
FOLDER_FILES = 20
CONSTRUCTOR_PARAMETERS = 8

GLOSSARY = ROOT / "docs" / "glossary.md"
EVERYDAY = frozenset(
    {
        "add",
        "alone",
        "application",
        "begin",
        "cancel",
        "carry",
        "change",
        "code",
        "command",
        "config",
        "create",
        "current",
        "describe",
        "directory",
        "discover",
        "end",
        "error",
        "find",
        "found",
        "from",
        "get",
        "history",
        "in",
        "instant",
        "is",
        "leave",
        "lifespan",
        "list",
        "manager",
        "many",
        "mark",
        "marked",
        "module",
        "mount",
        "name",
        "next",
        "of",
        "out",
        "parent",
        "preview",
        "project",
        "read",
        "remove",
        "reset",
        "resume",
        "revoke",
        "runnable",
        "running",
        "see",
        "services",
        "set",
        "shutdown",
        "spend",
        "start",
        "status",
        "take",
        "the",
        "to",
        "token",
        "trouble",
        "under",
        "verify",
        "verifying",
        "version",
        "wait",
        "web",
    }
)
"""Words of public names that mean what they mean everywhere, and need no line in the glossary."""


def main() -> int:
    """Print every broken rule; returns 1 if there is one."""
    broken = [*sizes(), *names(), *words(), *plain_english.problems(), *shelves.problems()]
    for one in broken:
        sys.stdout.write(f"{one}\n")
    return 1 if broken else 0


def sizes() -> Iterator[str]:
    """Yield what is larger than it may be."""
    for where, size, limit, what in measured():
        if size > limit:
            yield f"{where} has {size} {what}; at most {limit} are allowed."


def measured() -> Iterator[tuple[str, int, int, str]]:
    """Yield everything that has a size: where, how large, the rule, the unit."""
    per_folder = Counter(path.parent for path in _files())
    for folder, count in per_folder.items():
        yield f"{_name(folder)}/", count, FOLDER_FILES, "files"
    for path in _files():
        text = path.read_text()
        yield _name(path), text.count("\n"), FILE_LINES, "lines"
        yield from functions(ast.parse(text), f"{_name(path)}:")


def functions(within: ast.AST, where: str) -> Iterator[tuple[str, int, int, str]]:
    """Yield the lines of every function, also of nested ones, and the parameters of constructors.

    The fields of a record (`@dataclass`, `NamedTuple`) are no parameters: they are what it is.
    """
    for node in ast.iter_child_nodes(within):
        if isinstance(node, ast.ClassDef):
            yield from functions(node, f"{where}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield f"{where}{node.name}", lines, FUNCTION_LINES, "lines"
            if node.name in ("__init__", "__new__"):
                given = node.args
                count = len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs) - 1
                yield f"{where}{node.name}", count, CONSTRUCTOR_PARAMETERS, "parameters"
            yield from functions(node, f"{where}{node.name}.")
        else:
            yield from functions(node, where)


def names() -> Iterator[str]:
    """Yield class names that mean two things."""
    homes: defaultdict[str, set[str]] = defaultdict(set)
    for path in _files():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                homes[node.name].add(_name(path))
    for name, places in sorted(homes.items()):
        if len(places) > 1:
            yield f"class {name} is defined in {' and in '.join(sorted(places))}."


def words() -> Iterator[str]:
    """Yield words of public names that the glossary does not define, and those it defines twice."""
    rows = re.findall(r"^\| ([^|]+) \| [^|]", GLOSSARY.read_text(), re.M)[1:]
    defined = [word.strip().strip("`").lower() for row in rows for word in row.split(",")]
    for word, count in Counter(defined).items():
        if count > 1:
            yield f"the glossary defines {word} {count} times."
    known = {part for word in defined for part in re.split(r"[\s-]+", word)} | EVERYDAY
    methods = (name for name in vars(TaskManager) if not name.startswith("_"))
    inherited = (name for base in TaskManager.__mro__ for name in vars(base) if name[0] != "_")
    for name in sorted({*public, *methods, *inherited}):
        for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name):
            if not {word.lower(), word.lower().removesuffix("s")} & known:
                yield f"{name}: the glossary does not define {word.lower()}."


def _files() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "versions" not in path.parts and "__pycache__" not in path.parts:
                yield path


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


if __name__ == "__main__":
    sys.exit(main())
