"""Time costaudit against hand-written queries and against itself, and check that all come to the same.

Every run is a process of its own: start-up, reading, the whole report. Programs run in turn, pair by pair:
believe the ratios before any absolute time, and CPU before wall time.

This process imports little: what a child has as peak memory begins at its parent's.

    python -m benchmarks.run                              every case at full size, five pairs
    python -m benchmarks.run --case lean parquet          some cases
    python -m benchmarks.run --scale 0.1 --pairs 7        a tenth of the rows
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from benchmarks.cases import CASES, Against, Case, chosen
from benchmarks.logs import Log, default_folder
from benchmarks.pairs import HERE, Run, environment, paired, rounds

HEAD: Final = ("case", "against", "CPU", "wall", "CPU s", "peak MB", "aim")


def python(*arguments: str, folder: Path) -> str:
    """What a Python process prints that prepares something."""
    return subprocess.run(
        [sys.executable, *arguments],
        check=True,
        env=environment(folder / "cache"),
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


def prepare(cases: Sequence[Case], folder: Path) -> None:
    """Compile the code, make the logs that are missing, dump the price tables."""
    python("-m", "compileall", "-q", str(HERE.parent / "costaudit"), str(HERE), folder=folder)
    python("-m", "benchmarks.dump_book", str(folder / "book"), folder=folder)
    programs = [p for case in cases for p in (case.subject, *(a.program for a in case.against))]
    for log in dict.fromkeys(p.log for p in programs if p.log is not None):
        if not log.truth_path(folder).exists():
            print(f"making {log.path(folder).name}", file=sys.stderr)
            python(
                "-m",
                "benchmarks.make_data",
                log.kind,
                f"--rows={log.rows}",
                f"--data={folder}",
                folder=folder,
            )


def warm(log: Log | None, folder: Path) -> None:
    """Read a log once, so that the first run does not wait for the disk alone."""
    if log is not None:
        path = log.path(folder)
        for file in path.iterdir() if path.is_dir() else [path]:
            with file.open("rb") as data:
                while data.read(1 << 20):
                    pass


def lines(case: Case, runs: Sequence[Sequence[Run]], folder: Path) -> Iterator[str]:
    """The lines of the table for a case."""
    log, title = case.subject.log, case.title
    if log is not None:
        title += f", {log.rows:,} rows, {log.size(folder) / 1e6:,.1f} MB"
    for against, theirs in zip(case.against, runs[1:], strict=True):
        other = against.program.log
        yield line(title, against, (runs[0], theirs), log.rows / other.rows if log and other else 1)
        title = ""


def line(title: str, against: Against, runs: tuple[Sequence[Run], Sequence[Run]], per: float) -> str:
    """One comparison: ratios, then the figures behind them. Of times ratios are `per` row, of memory not."""
    seconds = " / ".join(f"{statistics.median(r.cpu for r in some):.2f}" for some in runs)
    peaks = " / ".join(f"{max(r.peak_mb for r in some):.0f}" for some in runs)
    memory = paired(*runs, "peak_mb").median
    aims = (("CPU", against.cpu), ("wall", against.wall), ("memory", against.memory))
    aim = ", ".join(f"{name} ≤ {value:g}" for name, value in aims if value is not None)
    return row([
        title, against.program.label, paired(*runs, "cpu", per), paired(*runs, "wall", per), seconds,
        f"{peaks} ({memory:.2f})", aim,
    ])  # fmt: skip


def row(cells: Sequence[object]) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(map(str, cells))} |"


def versions() -> str:
    """What the numbers depend on besides the code."""
    found = [f"Python {platform.python_version()}", f"{os.cpu_count()} CPUs ({platform.machine()})"]
    for name in ("pyarrow", "numpy", "duckdb", "polars"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"no {name}")
    return ", ".join(found)


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description="Time costaudit against hand-written queries and itself.")
    names = list(dict.fromkeys(case.name for case in CASES))
    parser.add_argument("--case", nargs="+", metavar="NAME", choices=names, default=[], help=", ".join(names))
    parser.add_argument("--pairs", type=int, default=5, help="runs of each program: %(default)s")
    parser.add_argument("--scale", type=float, default=1.0, help="times the rows of every log")
    parser.add_argument(
        "--data", type=Path, default=default_folder(), help="where logs are kept: %(default)s"
    )
    return parser.parse_args()


def able(cases: Sequence[Case], folder: Path) -> list[Case]:
    """The cases that this costaudit can run; says which it cannot."""
    options = python("-m", "costaudit", "analyze", "--help", folder=folder)
    for case in cases:
        if case.needs not in options:
            print(f"SKIPPED {case.name}: this costaudit has no `analyze {case.needs}`", file=sys.stderr)
    return [case for case in cases if case.needs in options]


def main() -> None:
    """Prepare, run the pairs of every case, print a table."""
    args = arguments()
    folder: Path = args.data.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    cases = able(chosen(args.case, args.scale), folder)
    prepare(cases, folder)
    print(f"{versions()}; {args.pairs} pairs, scale {args.scale:g}\n")
    print(row(HEAD), row(["---"] * len(HEAD)), sep="\n", flush=True)
    for case in cases:
        for program in (case.subject, *(against.program for against in case.against)):
            warm(program.log, folder)
        print(*lines(case, rounds(case, folder, args.pairs), folder), sep="\n", flush=True)
    print("\nAll totals agree with each other and with what the logs hold.")


if __name__ == "__main__":
    main()
