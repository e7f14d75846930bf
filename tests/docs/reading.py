"""Runs the Python of one page from top to bottom: `python reading.py PAGE FILE`.

FILE holds [[line, text], …]. All of it shares one module, `page`, and the current directory.
"""

import json
import sys
from pathlib import Path
from types import ModuleType


def main(page: str, file: str) -> None:
    """Run block after block; a traceback names the page and its line."""
    sys.path[0] = str(Path.cwd())
    module = sys.modules["page"] = ModuleType("page")
    for line, text in json.loads(Path(file).read_text()):
        exec(compile("\n" * (line - 1) + text, page, "exec"), vars(module))


if __name__ == "__main__":
    main(*sys.argv[1:])
