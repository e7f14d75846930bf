"""What the document's own tests leave to the reader; a conftest.py in the project."""

import builtins
import os
from pathlib import Path

LONG_AGO = 1_000_000_000  # 2001


def create_test_logs() -> None:
    """Lay down log files that were rotated away long ago."""
    Path("logs").mkdir(exist_ok=True)
    for number in range(1, 4):
        file = Path(f"logs/app.log.{number}")
        file.write_text("old\n")
        os.utime(file, (LONG_AGO, LONG_AGO))


def count_logs() -> int:
    """Count the log files."""
    return len(list(Path("logs").iterdir()))


async def failing_task() -> None:
    """Fail."""
    raise RuntimeError("as it should")


vars(builtins).update(
    create_test_logs=create_test_logs, count_logs=count_logs, failing_task=failing_task
)
