"""The daily report as HTML and as plain text, and its way to the channels."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from backgroundtask._figures import TaskFigures
from configurations import Xcorecfg
from rota.private_networks import is_private

COLUMNS = (
    "task",
    "runs",
    "success",
    "median",
    "p95",
    "late (median)",
    "late (p95)",
    "failed",
    "skipped",
    "missed",
)

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{ title }}</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; color: #222; }
  table { border-collapse: collapse; width: 100%; }
  th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid #ddd; }
  th:first-child, td:first-child { text-align: left; }
  .bad td:first-child { border-left: 4px solid #c0392b; }
</style>
<h1>{{ title }}</h1>
<p>{{ summary }}</p>
<table>
<tr>{% for column in columns %}<th>{{ column }}</th>{% endfor %}</tr>
{% for row, bad in rows %}
<tr{% if bad %} class="bad"{% endif %}>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
</table>
{% if failures %}
<h2>Failures</h2>
<ul>
{% for failure in failures %}
<li>{{ failure }}</li>
{% endfor %}
</ul>
{% endif %}
</html>
"""


def as_html(day: date, figures: Sequence[TaskFigures]) -> str:
    """Write the report as a page that needs nothing else; whatever tasks are called is inert."""
    from jinja2 import Environment

    page = Environment(autoescape=True, trim_blocks=True).from_string(_PAGE)
    return page.render(
        title=_title(day),
        summary=_summary(figures),
        columns=COLUMNS,
        rows=[(_cells(task), task.failed > 0) for task in figures],
        failures=_failures(figures),
    )


def as_text(day: date, figures: Sequence[TaskFigures]) -> str:
    """Write the report as a table in plain text."""
    rows = [COLUMNS, *(_cells(task) for task in figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_title(day), _summary(figures), "", *(_aligned(row, widths) for row in rows)]
    failures = _failures(figures)
    if failures:
        lines += ["", "Failures", *(f"- {failure}" for failure in failures)]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Way:
    """Where reports are sent: the keys of `reports`, an own section of config.json."""

    apprise_urls: Sequence[str] = ()
    private_hosts: bool = False  # whether hosts in private address ranges may be among them

    @classmethod
    def configured(cls, config: Xcorecfg) -> "Way":
        """Return what the configuration says; raises RuntimeError for a key that is not known."""
        section = getattr(config, "reports", None) or {}
        known = [field.name for field in fields(cls)]
        for key in section:
            if key not in known:
                raise RuntimeError(f"reports.{key}: no such key; known: {', '.join(known)}")
        return cls(**section)


def send(way: Way, title: str, text: str) -> None:
    """Send a text to every channel; raises RuntimeError that names those, without their secrets,
    that did not take it."""
    if not way.apprise_urls:
        return
    try:
        from apprise import Apprise
    except ImportError:
        raise RuntimeError(
            "reports.apprise_urls names channels, but Apprise is not installed."
            " Run: pip install apprise"
        ) from None
    from rota.core.secrets import redact_value

    deaf = []
    for channel in way.apprise_urls:
        messenger, name = Apprise(), redact_value("apprise_urls", channel)
        if not messenger.add(channel):
            deaf.append(name)
        elif not way.private_hosts and (hosts := _private_hosts(messenger[0])):
            deaf.append(
                f"{name} ({', '.join(hosts)} is in a private network;"
                " reports.private_hosts allows that)"
            )
        elif not messenger.notify(body=text, title=title):
            deaf.append(name)
    if deaf:
        raise RuntimeError(f"could not be sent to {', '.join(deaf)}")


def _private_hosts(service: Any) -> list[str]:
    """Return the hosts of a service's own address, if it has any, that are private ones."""
    if "host" not in service.template_tokens:  # a service whose hosts nobody can choose
        return []
    named = {getattr(service, name, None) for name in ("host", "smtp_host")}
    return sorted(host for host in named if host and is_private(host))


def _title(day: date) -> str:
    return f"Daily report for {day.isoformat()} (UTC)"


def _summary(figures: Sequence[TaskFigures]) -> str:
    runs, failed = sum(task.runs for task in figures), sum(task.failed for task in figures)
    skipped, missed = sum(task.skipped for task in figures), sum(task.missed for task in figures)
    return (
        f"Tasks: {len(figures)}. Runs: {runs}, of these failed: {failed}."
        f" Not run: skipped {skipped}, missed {missed}."
    )


def _cells(task: TaskFigures) -> tuple[str, ...]:
    rate = task.success_rate
    return (
        _plain(task.name if task.name == task.id else f"{task.name} ({task.id})", 60),
        str(task.runs),
        "–" if rate is None else f"{rate:.1%}",
        _seconds(task.duration.quantile(0.5)),
        _seconds(task.duration.quantile(0.95)),
        _seconds(task.lateness.quantile(0.5)),
        _seconds(task.lateness.quantile(0.95)),
        str(task.failed),
        str(task.skipped),
        str(task.missed),
    )


def _failures(figures: Sequence[TaskFigures]) -> list[str]:
    return [
        f"{_plain(task.id, 60)}, {times}×: {_plain(reason, 300)}"
        for task in figures
        for reason, times in task.reasons.most_common()
    ]


def _seconds(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.0f} s" if abs(value) >= 100 else f"{value:.3g} s"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = row
    cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
    return "  ".join([first.ljust(widths[0]), *cells])


def _plain(text: str, longest: int) -> str:
    """Write a text on one line, without characters that steer terminals or the reading order."""
    line = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
