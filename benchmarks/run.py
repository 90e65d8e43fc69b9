"""Time costaudit against hand-written queries that do the same work on the same data, and compare results.

Every run is a process of its own: start-up, reading, the whole report. Runs alternate (ours, theirs, ours …),
because a machine drifts: believe the ratios of neighbouring runs before any absolute time.

    python -m benchmarks.run                 1M JSON lines and 10M Parquet rows, three runs of each program
    python -m benchmarks.run --quick         100k and 1M rows, one pair each
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from benchmarks.make_data import default_folder, log_path

HERE: Final = Path(__file__).parent
KIB: Final = 1024 if sys.platform != "darwin" else 1
"""Bytes of the unit in which the system states peak memory."""


@dataclass(frozen=True, slots=True)
class Run:
    """One process."""

    wall: float
    cpu: float
    rss_mb: float
    result: dict[str, Any]


def run(command: Sequence[str]) -> Run:
    """Run a script that prints its totals; stops the benchmark when it fails."""
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", *command], stdout=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdout is not None  # noqa: S101 - asked for a pipe
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed with exit code {process.returncode}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * KIB / 1e6, json.loads(said))


def environment() -> dict[str, str]:
    """The environment, with this working copy importable."""
    paths = [str(HERE.parent), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in paths if p)}


def same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Stop unless both came to the same counts and, to the last digit, the same money."""
    for name, mine in ours.items():
        if _exact(mine) != _exact(theirs[name]):
            raise SystemExit(f"the results differ in {name}: {mine} and {theirs[name]}")


def _exact(value: Any) -> Any:
    if isinstance(value, list):
        return [_exact(v) for v in value]
    return Decimal(value) if isinstance(value, str) else value


def compare(title: str, log: Path, rows: int, peers: Sequence[str], repeat: int) -> None:
    """Run and print the pairs of one log."""
    book = log.parent / "book"
    commands = {"costaudit": ["benchmarks.run_costaudit", str(log)]} | {
        peer: [f"benchmarks.run_{peer}", str(log), str(book)] for peer in peers
    }
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(repeat):
        for name, command in commands.items():
            runs[name].append(run(command))
            same(runs["costaudit"][0].result, runs[name][-1].result)
    print(f"\n{title}: {rows:,} rows, {log.stat().st_size / 1e6:,.0f} MB, {repeat} runs each, alternating")
    print(f"{'':10} {'wall s':>18} {'cpu s':>18} {'peak MB':>8} {'rows/s':>11}   costaudit / it: wall, cpu")
    for name, list_ in runs.items():
        wall, cpu = [r.wall for r in list_], [r.cpu for r in list_]
        peak, rate = max(r.rss_mb for r in list_), rows / statistics.median(wall)
        line = f"{name:10} {spread(wall):>18} {spread(cpu):>18} {peak:8.0f} {rate:11,.0f}"
        if name != "costaudit":
            line += f"   {paired(runs, name, 'wall')}, {paired(runs, name, 'cpu')}"
        print(line)
    result = runs["costaudit"][0].result
    print(f"all came to the same {', '.join(result)}; list_usd is {result['list_usd']}")


def spread(values: Sequence[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):.2f} [{min(values):.2f}-{max(values):.2f}]"


def paired(runs: dict[str, list[Run]], peer: str, measure: str) -> str:
    """Median and range of the ratios within the pairs."""
    both = zip(runs["costaudit"], runs[peer], strict=True)
    return spread([getattr(ours, measure) / getattr(theirs, measure) for ours, theirs in both])


def versions() -> str:
    """What the numbers depend on besides the code."""
    found = [f"Python {platform.python_version()}", f"{os.cpu_count()} CPUs ({platform.machine()})"]
    for name in ("pyarrow", "numpy", "duckdb", "polars"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"no {name}")
    return ", ".join(found)


def main() -> None:
    """Make the logs, dump the price tables, run the pairs."""
    parser = argparse.ArgumentParser(description="Time costaudit against hand-written queries.")
    parser.add_argument("--rows-jsonl", type=int, default=1_000_000)
    parser.add_argument("--rows-parquet", type=int, default=10_000_000)
    parser.add_argument("--rows-text", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="fewer rows, one pair each")
    parser.add_argument("--peers", default="duckdb,polars", help="which of duckdb and polars")
    parser.add_argument("--folder", type=Path, default=default_folder(), help="where generated logs are kept")
    args = parser.parse_args()
    if args.quick:
        args.rows_jsonl, args.rows_parquet, args.rows_text, args.repeat = 100_000, 1_000_000, 20_000, 1
    python = [sys.executable, "-m"]
    logs = {"jsonl": args.rows_jsonl, "parquet": args.rows_parquet, "text": args.rows_text}
    for kind, rows in logs.items():  # not in this process: a child's peak memory begins at its parent's
        make = ["benchmarks.make_data", kind, "--rows", str(rows), "--folder", str(args.folder)]
        subprocess.run([*python, *make], check=True, env=environment())
    subprocess.run(
        [*python, "benchmarks.dump_book", str(args.folder / "book")], check=True, env=environment()
    )
    print(versions())
    peers = [p for p in args.peers.split(",") if p]
    titles = {
        "jsonl": "lean JSON lines",
        "parquet": "Parquet",
        "text": "JSON lines with prompts, tagged by them",
    }
    for kind, rows in logs.items():
        log = log_path(kind, rows, args.folder)
        compare(titles[kind], log, rows, [] if kind == "text" else peers, args.repeat)


if __name__ == "__main__":
    main()
