"""Tasks that are defined at their functions."""

import rota


@rota.task("cron", hour=9, timezone="Europe/Berlin", max_retries=0)
async def good_morning() -> str:
    """Greet once a day."""
    return "Good morning"


@rota.task("interval", seconds=2)
async def count_on() -> int:
    """Report progress while it works."""
    run = rota.current_run()
    for done in range(1, 4):
        run.progress(done, 3)
        run.logger.info("%d of 3", done)
    return 3
