"""`python -m bench [CASE …]`: measures every case on rota and its peers, each in a process of its
own and in the same run; prints a table of ratios and writes `bench/out/bench.json` and `.svg`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

OUT = Path(__file__).parent / "out"
Figures = dict[str, float]


def _with_directory(case: Callable[..., Figures], size: int) -> Figures:
    with tempfile.TemporaryDirectory() as directory:
        return case(size, directory)


def _measure(case: str, peer: str, size: int) -> Figures:
    from bench import cluster, enqueueing, lists, ours, peers, verifying

    cases: dict[tuple[str, str], Callable[[int], Figures]] = {
        ("throughput", "rota"): ours.throughput,
        ("throughput", "huey"): peers.huey_throughput,
        ("threads", "rota"): ours.threads,
        ("threads", "huey"): peers.huey_throughput,
        ("lateness", "rota"): ours.lateness,
        ("lateness", "apscheduler"): peers.apscheduler_lateness,
        ("lateness", "apscheduler-sqlite"): lambda n: _with_directory(
            peers.apscheduler_lateness, n
        ),
        ("burst", "rota"): ours.burst,
        ("burst", "apscheduler"): peers.apscheduler_burst,
        ("burst", "apscheduler-sqlite"): lambda n: _with_directory(peers.apscheduler_burst, n),
        ("held", "rota"): ours.held,
        ("held", "apscheduler"): peers.apscheduler_held,
        ("carried", "rota"): lambda n: cluster.carried(n, "pgqueuer"),
        ("carried", "rota-local"): lambda n: cluster.carried(n, "local"),
        ("carried", "celery"): cluster.celery_throughput,
        ("enqueue", "rota"): enqueueing.enqueueing,
        ("lists", "rota"): lists.lists,
        ("pages", "rota"): lists.pages,
        ("verified", "rota"): verifying.verified,
        ("next", "rota"): ours.next_instant,
        ("next", "apscheduler"): peers.apscheduler_next,
    }
    return cases[case, peer](size)


# case → size, size of a quick run, the figure to compare, whether more is better, peers
CASES: dict[str, tuple[int, int, str, bool, list[str]]] = {
    "throughput": (30_000, 3_000, "runs_per_second", True, ["rota", "huey"]),
    "threads": (10_000, 1_000, "runs_per_second", True, ["rota", "huey"]),
    "lateness": (15, 4, "p99_ms", False, ["rota", "apscheduler", "apscheduler-sqlite"]),
    "burst": (10_000, 1_000, "seconds", False, ["rota", "apscheduler", "apscheduler-sqlite"]),
    "held": (100_000, 5_000, "mib", False, ["rota", "apscheduler"]),
    "carried": (30_000, 2_000, "runs_per_second", True, ["rota", "rota-local", "celery"]),
    "verified": (1_000_000, 20_000, "seconds", False, ["rota"]),
    "enqueue": (1_000, 150, "of_huey", True, ["rota"]),
    "lists": (1_000_000, 20_000, "worst_ms", False, ["rota"]),
    "pages": (1_000_000, 20_000, "worst_ms", False, ["rota"]),
    "next": (20_000, 2_000, "us", False, ["rota", "apscheduler"]),
}


def _run(case: str, peer: str, size: int) -> Figures:
    command = [sys.executable, "-m", "bench", "--one", case, peer, str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        raise SystemExit(f"{case} on {peer} failed:\n{done.stdout}{done.stderr}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def _table(results: dict[str, dict[str, Figures]]) -> Table:
    table = Table(title="rota and its peers, the same machine, the same run")
    for heading in ("case", "on", "figures", "rota is"):
        table.add_column(heading)
    for case, by_peer in results.items():
        _, _, figure, more, _ = CASES[case]
        for peer, figures in by_peer.items():
            shown = "  ".join(f"{name} {value:,.4g}" for name, value in figures.items())
            ratio = by_peer["rota"][figure] / figures[figure]
            ratio = ratio if more else 1 / ratio
            words = "" if peer == "rota" else f"{ratio:.2f} × as good ({figure})"
            table.add_row(case, peer, shown, words)
    return table


def _plot(results: dict[str, dict[str, Figures]]) -> None:
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(results), figsize=(3.2 * len(results), 3.4))
    for axis, (case, by_peer) in zip(axes if len(results) > 1 else [axes], results.items(),
                                     strict=True):  # fmt: skip
        name = CASES[case][2]
        values = [figures[name] for figures in by_peer.values()]
        colours = ["#0b6e99" if peer == "rota" else "#b9bec5" for peer in by_peer]
        bars = axis.bar([peer.replace("-", "\n") for peer in by_peer], values, color=colours)
        axis.bar_label(bars, fmt="{:,.3g}", fontsize=8)
        better = "more" if CASES[case][3] else "less"
        axis.set_title(f"{case}: {name}\n({better} is better)", fontsize=9)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(OUT / "bench.svg")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("cases", nargs="*", help=", ".join(CASES))
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run at all?")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        case, peer, size = given.one
        print(json.dumps(_measure(case, peer, int(size))))
        return
    results: dict[str, dict[str, Figures]] = {}
    for case in given.cases or CASES:
        size, quick, _, _, peers = CASES[case]
        results[case] = {peer: _run(case, peer, quick if given.quick else size) for peer in peers}
    Console(width=150).print(_table(results))
    OUT.mkdir(exist_ok=True)
    (OUT / "bench.json").write_text(json.dumps(results, indent=2) + "\n")
    _plot(results)


if __name__ == "__main__":
    main()
