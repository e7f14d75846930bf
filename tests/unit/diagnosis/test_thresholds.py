"""There is one set of thresholds, and everything that judges goes by it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from rota.diagnosis import thresholds

SOURCE = Path(__file__).resolve().parents[3] / "src" / "rota"
JUDGES = (
    *sorted((SOURCE / "diagnosis").glob("*.py")),
    *sorted((SOURCE / "engine" / "health").glob("*.py")),
    SOURCE / "cli" / "evidence.py",
    SOURCE / "cli" / "commands" / "checks" / "doctor.py",
    SOURCE / "cli" / "commands" / "checks" / "health.py",
    SOURCE / "web" / "api" / "health.py",
    SOURCE / "web" / "pages" / "layout.py",
    SOURCE / "manager" / "process.py",
)
"""What measures, judges or shows what is wrong."""

AMOUNTS = {"engine/health/unplanned.py": {"AT_ONCE"}}
"""How much is done at once: nothing is judged by it."""

NAMES = {name for name in vars(thresholds) if name.isupper()}


def test_no_judge_has_a_threshold_of_its_own() -> None:
    found = {
        f"{path.relative_to(SOURCE).as_posix()}: {name}"
        for path in JUDGES
        if path.name != "thresholds.py"
        for name in _own(path)
    }
    assert found == set()


def test_no_template_compares_with_a_number_of_seconds() -> None:
    pages = SOURCE / "web" / "pages" / "templates"
    aged = re.compile(r"\b(\w+_age|age|late|latency|ahead)\b\s*[<>]=?\s*[1-9]")
    assert [page.name for page in pages.glob("*.html") if aged.search(page.read_text())] == []


def test_every_threshold_is_used_and_has_its_unit_and_reason() -> None:
    used = {
        node.attr
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "thresholds"
    }
    assert used == NAMES
    body = ast.parse(Path(thresholds.__file__).read_text()).body
    for one, following in pairwise(body):
        if isinstance(one, ast.Assign):
            assert isinstance(following, ast.Expr), ast.unparse(one)
            text = ast.literal_eval(following.value)
            assert re.match(
                r"(Seconds|Bytes|Runs|Tasks|Parts|Share|Times|Damaged|Broken|Missed"
                r"|Findings) ",
                text,
            ), text


def _own(path: Path) -> Iterator[str]:
    """Yield the constants of a module that are numbers, and the numbers that it compares with."""
    module = ast.parse(path.read_text())
    amounts = AMOUNTS.get(path.relative_to(SOURCE).as_posix(), set())
    for node in module.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            name = ast.unparse(target)
            if _is_amount(node.value) and name not in amounts:
                yield name
    for part in ast.walk(module):
        if isinstance(part, ast.Compare):
            for one in ast.walk(part):
                if _is_number(one) and isinstance(one, ast.Constant) and one.value not in (0, 1):
                    yield ast.unparse(part)


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def _is_amount(node: ast.AST) -> bool:
    """Return whether this is a number, or one that is computed of numbers and units."""
    if isinstance(node, ast.BinOp):
        return _is_amount(node.left) or _is_amount(node.right)
    return _is_number(node)
