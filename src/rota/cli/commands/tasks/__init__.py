"""Look at tasks, and pause, resume, edit, enable, disable, remove or skip them."""

from __future__ import annotations

COMMANDS = {
    "ls": "List the tasks.",
    "show": "Show everything about one task.",
    "next": "List the coming occurrences of all tasks.",
    "preview": "Describe a trigger and list its next times.",
    "tags": "List the tags and the pauses by tag.",
    "pause": "Pause a task, a tag or all: plan no occurrences until it is resumed.",
    "resume": "Resume what is paused, from now on.",
    "windows": "List, open and close maintenance windows.",
    "enable": "Enable a task: its trigger starts it again.",
    "disable": "Disable a task: only a person or a program starts it.",
    "rm": "Remove a task that no code defines any more.",
    "edit": "Change options of a task on top of its code.",
    "reset": "Reset the edits of a task.",
    "skip": "Skip the next occurrence of a task.",
}
