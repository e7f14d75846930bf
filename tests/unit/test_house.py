"""The rules of the house measure every function and every constructor, wherever it is."""

from __future__ import annotations

import ast
import re

from tests.house import ROOT, functions
from tests.plain_english import prose

CODE = """
class Part:
    def __init__(self, a, /, b, c=1, *, d, e=2):
        def inner():
            return 1


if True:
    async def conditional():
        pass


class Value:
    def __new__(cls, a, b):
        return super().__new__(cls)
"""


def test_every_function_is_measured_by_its_lines() -> None:
    found = {
        where: size for where, size, _, unit in functions(ast.parse(CODE), "") if unit == "lines"
    }
    assert found == {
        "Part.__init__": 3,
        "Part.__init__.inner": 2,
        "conditional": 2,
        "Value.__new__": 2,
    }


def test_every_kind_of_parameter_of_a_constructor_counts() -> None:
    found = {
        where: size
        for where, size, _, unit in functions(ast.parse(CODE), "")
        if unit == "parameters"
    }
    assert found == {"Part.__init__": 5, "Value.__new__": 2}


def test_every_file_that_the_map_of_the_code_names_exists() -> None:
    named = re.findall(r"`((?:[a-z_0-9]+/)+[a-z_0-9]+\.py)`", (ROOT / "docs/code.md").read_text())
    assert named
    assert [path for path in named if not (ROOT / "src/rota" / path).exists()] == []


def test_comments_docstrings_and_messages_are_read_for_plain_english() -> None:
    code = '"""Of a module."""\n\n# A comment.\nraise OSError(f"{path}: no file", "key")\n'
    assert sorted(text for _, text in prose(code)) == ["# A comment.", ": no file", "Of a module."]
