"""Uses what is ours where `database` and `cache` are the user's: a program of its own."""

import sys
import time
from importlib import import_module
from pathlib import Path

sys.path[0] = str(Path.cwd())

import rota_xcore.caching  # noqa: E402
import rota_xcore.database  # noqa: E402
from manager import Manager  # noqa: E402

for name in ("database", "cache"):
    assert vars(import_module(name))["OWNER"] == "the user"

with rota_xcore.database.SessionLocal() as session:
    assert session.connection().engine.url.database == "shop.db"


async def remember() -> str:
    """Use our cache in a task of ours."""
    await rota_xcore.caching.CacheManager().set("key", "value")
    return str(await rota_xcore.caching.CacheManager().get("key"))


Manager.add_task(remember, "interval", "remember", hours=1)
Manager.start()
run = Manager.run_task("remember")
deadline = time.monotonic() + 30
while not Manager.get_run(run).finished_at:
    assert time.monotonic() < deadline
    time.sleep(0.02)
assert Manager.get_run(run).result == "value"
assert Manager.shutdown()
