"""A script that schedules until Ctrl-C: `python main.py`."""

import signal
import threading

import rota
from loggers.logger_config import setup_logging


def tidy_up() -> None:
    """A plain function runs in a thread; what it prints belongs to its run."""
    print("Tidied up")


def main() -> None:
    """Add tasks from the directory tasks/ and one from this file, and run until Ctrl-C."""
    setup_logging()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    task_manager = rota.TaskManager()
    task_manager.discover("tasks")
    task_manager.add_task(tidy_up, "interval", "tidy_up", seconds=5)
    with task_manager:
        for task in task_manager.list_tasks():
            print(f"{task.id}: next run {task.next_run}", flush=True)
        while not stop.wait(0.5):  # a signal that another thread receives does not wake this one
            pass


if __name__ == "__main__":
    main()
