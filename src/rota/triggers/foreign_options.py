"""The options of other schedulers, each with what to write here in its place."""

from __future__ import annotations

from collections.abc import Mapping

_LEAVE = "Leave it out"

OPTIONS: Mapping[str, str] = {
    # APScheduler
    "max_instances": "Write overlap: 'skip' (the default) is max_instances=1, 'allow' together with"
    " max_running=N is max_instances=N.",
    "coalesce": "Write catchup: 'latest' (the default) is coalesce=True, 'all' is coalesce=False.",
    "misfire_grace_time": "Write start_deadline: seconds after its time until a run must start;"
    " catchup_window says how old an occurrence may be to be caught up.",
    "replace_existing": f"{_LEAVE}: add_task always replaces the task of this id and function.",
    "conflict_policy": f"{_LEAVE}: add_task always replaces the task of this id and function.",
    "next_run_time": "Write start_date in the trigger's arguments for its first time, enabled=False"
    " for next_run_time=None, or start it now with run_task.",
    "jobstore": f"{_LEAVE}: every task is in the ledger, manager.ledger_url.",
    "jobstores": "Write manager.ledger_url in the configuration.",
    "job_executor": "Write executor: 'auto', 'async', 'thread' or 'process'.",
    "job_defaults": "Write the defaults in the configuration's section manager.",
    "max_running_jobs": "Write max_running together with overlap='allow'.",
    "max_jitter": "Write jitter, in seconds, in the trigger's arguments.",
    "start_time": "Write start_date in the trigger's arguments.",
    "end_time": "Write end_date in the trigger's arguments.",
    "paused": "Write enabled=False, or call pause_task.",
    "metadata": "Write description.",
    "result_expiration_time": "Write manager.retention_days in the configuration.",
    "job_id": "Write id.",
    # Celery
    "bind": f"{_LEAVE}: rota.current_run() gives a task its run.",
    "base": f"{_LEAVE}: a task is a plain function.",
    "countdown": "Write task.with_options(delay=...).enqueue(), in seconds, or rota run --in.",
    "eta": "Write task.with_options(run_at=...).enqueue(), or trigger='date' with run_date.",
    "expires": "Write start_deadline: seconds after its time until a run must start.",
    "soft_time_limit": "Write timeout, in seconds: a coroutine is cancelled then, and a thread sees"
    " current_run().cancelled.",
    "time_limit": "Write timeout, in seconds, with executor='process' for what must be killed.",
    "ignore_result": f"{_LEAVE}: what a function returns is kept with its run.",
    "store_errors_even_if_ignored": f"{_LEAVE}: errors are always kept.",
    "acks_late": "Write on_crash='restart' (the default): the run of a dead worker is repeated.",
    "acks_on_failure_or_timeout": "Write max_retries and on_crash.",
    "reject_on_worker_lost": "Write on_crash='restart' (the default), or 'lose'.",
    "track_started": f"{_LEAVE}: every run has its state.",
    "autoretry_for": "Write retry_on, with the same exceptions.",
    "dont_autoretry_for": "Write no_retry_on, with the same exceptions.",
    "throws": "Write no_retry_on, with the same exceptions.",
    "retry_kwargs": "Write max_retries and retry_delay.",
    "default_retry_delay": "Write retry_delay, in seconds.",
    "retry_backoff_max": "Write retry_max_delay, in seconds.",
    "retry_jitter": f"{_LEAVE}: delays before retries are always spread.",
    "rate_limit": "Write rate, like '10/m', together with overlap='allow'.",
    "routing_key": "Write queue.",
    "exchange": "Write queue.",
    "serializer": f"{_LEAVE}: arguments and results are JSON.",
    "compression": f"{_LEAVE}: arguments and results are JSON.",
    "schedule": "Write trigger and its arguments, like 'cron' with hour=9.",
    "task": "Write func: the function itself.",
    "options": "Write each option by itself, next to the others.",
    "relative": "Write start_date in the trigger's arguments.",
    "link": "Write trigger='after' in the other task, with the id of this one in tasks.",
    "link_error": "Write trigger='after' in the other task, with on='failure'.",
    # RQ, Dramatiq, Huey, arq
    "retry": "Write max_retries.",
    "retries": "Write max_retries: the tries after the first one.",
    "max_tries": "Write max_retries: the tries after the first one, so one less.",
    "job_timeout": "Write timeout, in seconds.",
    "max_age": "Write start_deadline, in seconds.",
    "min_backoff": "Write retry_delay, in seconds (not milliseconds).",
    "max_backoff": "Write retry_max_delay, in seconds (not milliseconds).",
    "retry_when": "Write retry_on or no_retry_on, with exceptions.",
    "queue_name": "Write queue.",
    "actor_name": "Write id and name.",
    "result_ttl": "Write manager.retention_days in the configuration.",
    "failure_ttl": "Write manager.retention_days in the configuration.",
    "keep_result": "Write manager.retention_days in the configuration.",
    "run_at_startup": "Start it with run_task after start().",
    "concurrency": "Write max_running together with overlap='allow'.",
}
"""The options by their names in other schedulers. None of them is an option here."""

EXECUTORS: Mapping[str, str] = {
    "default": f"{_LEAVE}: coroutines run on the task loop, functions in threads.",
    "asyncio": "Write 'async'.",
    "threadpool": "Write 'thread'.",
    "threads": "Write 'thread'.",
    "ThreadPoolExecutor": "Write 'thread'.",
    "processpool": "Write 'process'.",
    "prefork": "Write 'process'.",
    "ProcessPoolExecutor": "Write 'process'.",
    "gevent": "Write 'async' with `async def`, or 'thread'.",
    "eventlet": "Write 'async' with `async def`, or 'thread'.",
    "solo": "Write 'async' or 'thread'.",
    "debug": "Write 'async' or 'thread'.",
}
"""The names of `executor` and pools in other schedulers."""


def instead_of(name: object) -> str:
    """Return what to write in place of an option of another scheduler; "" for a name that is no
    such option.
    """
    return OPTIONS.get(name, "") if isinstance(name, str) else ""
