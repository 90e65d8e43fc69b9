"""Runs of programs in turn, and the ratios within their pairs.

A machine drifts, and other work comes and goes: what runs side by side is compared, never means of different
times.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from benchmarks.cases import Case
from benchmarks.programs import Program

HERE: Final = Path(__file__).parent
KIB: Final = 1024 if sys.platform != "darwin" else 1
"""Bytes of the unit in which the system states peak memory."""


class Run(msgspec.Struct, frozen=True):
    """One run of a program."""

    cpu: float
    """Seconds of user and system, of one process on average where the program is several."""
    wall: float
    peak_mb: float
    """The most memory that one of its processes had."""
    result: Any
    """What it printed, where that is JSON."""


class Ratios(msgspec.Struct, frozen=True):
    """The ratios of one measure, a pair each."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The ratio in the middle."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        return f"{self.median:.2f} [{min(self.values):.2f}-{max(self.values):.2f}]"


def paired(ours: Sequence[Run], theirs: Sequence[Run], measure: str, per: float = 1) -> Ratios:
    """Ours over theirs of a measure within each pair, divided by `per`."""
    both = zip(ours, theirs, strict=True)
    return Ratios(tuple(getattr(a, measure) / getattr(b, measure) / per for a, b in both))


def run(program: Program, folder: Path) -> Run:
    """Run a program; stops the benchmark when it fails."""
    cache = folder / "cache"
    if program.cache is True:
        shutil.rmtree(cache, ignore_errors=True)
    cpu = wall = peak = 0.0
    said = b""
    for _ in range(program.times):
        start = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, *program.command(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=environment(cache) | ({} if program.native else {"COSTAUDIT_NATIVE": "0"}),
            cwd=folder,
        ) as process:
            assert process.stdout is not None  # noqa: S101 - asked for a pipe
            said = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(program.arguments)} failed with exit code {process.returncode}")
        cpu, wall = cpu + usage.ru_utime + usage.ru_stime, wall + time.perf_counter() - start
        peak = max(peak, usage.ru_maxrss * KIB / 1e6)
    return Run(
        cpu / program.times,
        wall / program.times,
        peak,
        msgspec.json.decode(said) if said.startswith(b"{") else None,
    )


def environment(cache: Path) -> dict[str, str]:
    """The environment, with this working copy importable and none of the user's settings of costaudit."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COSTAUDIT_")}
    paths = [str(HERE.parent), os.environ.get("PYTHONPATH", "")]
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "COSTAUDIT_CACHE_DIR": str(cache),
    }


def rounds(case: Case, folder: Path, pairs: int) -> list[list[Run]]:
    """So many runs of every program of a case, the subject's first; what they come to is checked after each.

    The order turns around from round to round, unless something must come first.
    """
    programs = [case.subject, *(against.program for against in case.against)]
    order = list(range(len(programs)))[::-1]
    runs: list[list[Run]] = [[] for _ in programs]
    for _ in range(pairs):
        for place in order:
            runs[place].append(run(programs[place], folder))
        check(case, folder, [of_program[-1] for of_program in runs])
        order = order if case.in_order else order[::-1]
    return runs


def check(case: Case, folder: Path, runs: Sequence[Run]) -> None:
    """Stop unless all came to what the log holds, and the programs to the same."""
    for program, found in zip([case.subject, *(a.program for a in case.against)], runs, strict=True):
        if program.log is not None and found.result is not None:
            truth = msgspec.json.decode(program.log.truth_path(folder).read_bytes())
            totals = (
                found.result
                if "spend" not in found.result
                else {"requests": found.result["spend"]["requests"]}
            )
            _same(program.label, totals, "the log", truth, [name for name in truth if name in totals])
    for against, theirs in zip(case.against, runs[1:], strict=True):
        _same(case.subject.label, runs[0].result, against.program.label, theirs.result, against.agree)


def _same(us: str, ours: Any, them: str, theirs: Any, names: Sequence[str]) -> None:
    for name in names:
        if ours[name] != theirs[name]:
            raise SystemExit(f"{name} differs: {us} has {ours[name]}, {them} has {theirs[name]}")
