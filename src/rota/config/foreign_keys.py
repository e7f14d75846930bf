"""Configuration keys of other schedulers, and keys in the wrong place, each with what to write in
its place.
"""

from __future__ import annotations

from collections.abc import Mapping

_TOP = "It is a section of its own: write {name!r} at the top level of the file, next to 'manager'."
_CLUSTER = "Write it in the section 'cluster': cluster.{name}."
_TASK = "Write {name!r} at each task that needs it: it is an option of a task."
_WORKERS = (
    "Write manager.async_slots, manager.scheduler_thread_pool and manager.process_pool: the slots"
    " for coroutines, threads and processes."
)
_JSON = "Leave it out: arguments and results are always JSON."
_RETENTION = "Write manager.retention_days: how long runs and their results are kept."
_LEDGER = "Write manager.ledger_url: tasks, runs and results are all in the ledger."
_FILES = "Write manager.tasks_modules, or put the files into manager.tasks_directory."
_DEFAULTS = (
    "Write each default by itself, like manager.task_timeout, manager.max_task_retries or"
    " manager.overlap."
)
_QUEUE = "Write queue at a task, and cluster.queues at the workers."

KEYS: Mapping[str, str] = {
    # In the wrong section
    **dict.fromkeys(("calendars", "windows"), _TOP),
    **dict.fromkeys(("engine", "broker_url", "queues", "groups"), _CLUSTER),
    # Options of a task
    **dict.fromkeys(
        ("max_running", "rate", "jitter", "limit_group", "priority", "tags", "total_timeout"), _TASK
    ),
    **dict.fromkeys(("calendar", "roll", "after", "retry_on", "no_retry_on"), _TASK),
    "timeout": "Write manager.task_timeout, in seconds.",
    "max_retries": "Write manager.max_task_retries.",
    # APScheduler
    "max_instances": "Write manager.overlap: 'skip' (the default) is max_instances=1; 'allow'"
    " together with max_running=N at a task is max_instances=N.",
    "coalesce": "Write manager.catchup: 'latest' (the default) is coalesce=True, 'all' is"
    " coalesce=False.",
    "misfire_grace_time": "Write manager.start_deadline, in seconds; manager.catchup_window says"
    " how old an occurrence may be to be caught up.",
    "job_defaults": _DEFAULTS,
    "task_defaults": _DEFAULTS,
    "jobstores": _LEDGER,
    "jobstore": _LEDGER,
    "data_store": _LEDGER,
    "executors": f"Write manager.executor for the kind. {_WORKERS}",
    "max_concurrent_jobs": _WORKERS,
    "max_workers": _WORKERS,
    "jobstore_retry_interval": "Leave it out: a ledger that is away is tried until it is back.",
    "daemon": "Leave it out: rota's threads never keep a program from ending.",
    # Celery and Celery beat
    "result_backend": _LEDGER,
    "beat_schedule": "Write each entry in a task file: @rota.task with a trigger, or"
    " TASK_DEFINITIONS.",
    "beat_scheduler": "Leave it out: each node plans, and each occurrence still runs once.",
    "beat_schedule_filename": _LEDGER,
    "beat_max_loop_interval": "Leave it out: a node wakes at the next instant.",
    "imports": _FILES,
    "include": _FILES,
    "enable_utc": "Leave it out: instants are stored in UTC; manager.timezone is that of triggers.",
    "task_default_queue": _QUEUE,
    "task_queues": _QUEUE,
    "task_routes": _QUEUE,
    "task_time_limit": "Write manager.task_timeout, in seconds; executor='process' at a task that"
    " must be killed.",
    "task_soft_time_limit": "Write manager.task_timeout, in seconds.",
    "task_acks_late": "Write manager.on_crash: 'restart' (the default) runs again what a dead"
    " worker had.",
    "task_reject_on_worker_lost": "Write manager.on_crash: 'restart' (the default) or 'lose'.",
    "task_default_rate_limit": "Write rate at each task, like '10/m'.",
    "task_default_priority": "Write priority at each task.",
    "task_annotations": "Write the options at each task.",
    "task_always_eager": "Use rota.testing in tests; a task can also be called as a function.",
    "task_ignore_result": "Leave it out: what a function returns is kept with its run.",
    "task_track_started": "Leave it out: every run has its state.",
    "result_expires": _RETENTION,
    "worker_concurrency": _WORKERS,
    "worker_pool": "Write manager.executor: 'auto', 'async', 'thread' or 'process'.",
    "worker_prefetch_multiplier": "Leave it out: a node claims as many runs as it has free slots.",
    "worker_max_tasks_per_child": "Leave it out: `rota doctor` names a task whose memory grows.",
    **dict.fromkeys(("task_serializer", "result_serializer", "accept_content"), _JSON),
    # huey, django-q, RQ
    "workers": _WORKERS,
    "worker_type": "Write manager.executor: 'auto', 'async', 'thread' or 'process'.",
    "concurrency": _WORKERS,
    "immediate": "Use rota.testing in tests; a task can also be called as a function.",
    "sync": "Use rota.testing in tests; a task can also be called as a function.",
    "results": "Leave it out: what a function returns is kept with its run.",
    "store_none": "Leave it out: what a function returns is kept with its run.",
    "utc": "Write manager.timezone: that of triggers; instants are stored in UTC.",
    "retry": "Write manager.max_task_retries and manager.retry_delay.",
    "max_attempts": "Write manager.max_task_retries: the attempts after the first, so one less.",
    "ack_failures": "Leave it out: a failed run is kept, and retried by manager.max_task_retries.",
    "catch_up": "Write manager.catchup: 'skip', 'latest' (the default) or 'all'.",
    "save_limit": _RETENTION,
    "result_ttl": _RETENTION,
    "failure_ttl": _RETENTION,
    "recycle": "Leave it out: `rota doctor` names a task whose memory grows.",
    "orm": _LEDGER,
    "scheduler_interval": "Leave it out: a node wakes at the next instant.",
    # cron
    "mailto": "Leave it out: alerts are not built yet; a task can send its own messages.",
    "cron_tz": "Write manager.timezone, or timezone at a task.",
    "shell": "Leave it out: rota.command(...) starts a program without a shell.",
    "path": "Leave it out: a program inherits the PATH of its node.",
}
"""Keys that are none of the section `manager`, in lower case."""


def instead_of(name: str) -> str:
    """Return what to write in place of a key of `manager` that another scheduler has, or that is
    in the wrong section; "" for any other name.
    """
    return KEYS.get(name.lower(), "").format(name=name.lower())
