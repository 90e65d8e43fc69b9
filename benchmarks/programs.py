"""The programs that are timed: what each is called, what it runs, on which log."""

from __future__ import annotations

from pathlib import Path

import msgspec

from benchmarks.logs import Log


class Program(msgspec.Struct, frozen=True):
    """One side of a comparison: a Python process, or several one after the other where one is short."""

    label: str
    arguments: tuple[str, ...]
    """Of the interpreter. `LOG`, `BOOK` stand for the paths of the log and of the dumped price tables."""
    log: Log | None = None
    times: int = 1
    """Processes that are one run."""
    cache: bool | None = None
    """True begins with an empty COSTAUDIT_CACHE_DIR, False goes on with the one that is there."""
    native: bool = True
    """Whether compiled code may read, where there is some."""

    def command(self, folder: Path) -> list[str]:
        """The arguments with their paths."""
        paths = {"BOOK": str(folder / "book"), "LOG": str(self.log.path(folder)) if self.log else ""}
        return [paths.get(argument, argument) for argument in self.arguments]

    def named(self, label: str) -> Program:
        """The same under another name."""
        return msgspec.structs.replace(self, label=label)

    def with_rows(self, rows: int) -> Program:
        """The same on a log of another size."""
        log = None if self.log is None else msgspec.structs.replace(self.log, rows=rows)
        return msgspec.structs.replace(self, log=log)


def costaudit(kind: str, rows: int, *, native: bool = True) -> Program:
    """The audit as a library, and the whole report."""
    arguments = ("-m", "benchmarks.run_costaudit", kind, "LOG")
    return Program("costaudit", arguments, Log(kind, rows), native=native)


def duckdb(kind: str, rows: int) -> Program:
    """The same audit as SQL."""
    return Program("DuckDB", ("-m", "benchmarks.run_duckdb", kind, "LOG", "BOOK"), Log(kind, rows))


def polars(kind: str, rows: int) -> Program:
    """The same audit as a Polars query."""
    return Program("Polars", ("-m", "benchmarks.run_polars", kind, "LOG", "BOOK"), Log(kind, rows))


def analyze(kind: str, rows: int, *, cache: bool | None = None, times: int = 1) -> Program:
    """The audit by the command line, which answers by its report."""
    options = ("--format", "json", "--quiet", *(() if cache is None else ("--cache",)))
    arguments = ("-m", "costaudit", "analyze", "LOG", *options)
    return Program("costaudit", arguments, Log(kind, rows), times, cache)


def command(*arguments: str, times: int) -> Program:
    """Any command, which states no totals."""
    return Program("costaudit", ("-m", "costaudit", *arguments), times=times)


def imports(*modules: str, times: int) -> Program:
    """A process that only imports."""
    names = ", ".join(modules)
    return Program(f"`import {names}`", ("-c", f"import {names}"), times=times)
