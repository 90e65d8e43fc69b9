"""Every comparison of the benchmark, at its full size."""

from __future__ import annotations

from typing import Final

import msgspec

from benchmarks.programs import Program, analyze, command, costaudit, duckdb, imports, polars

COUNTS: Final = ("requests", "tokens", "list_usd")
SAME: Final = (*COUNTS, "by_tier", "after_usd", "after", "rows")
"""Everything that a run prints and that does not depend on the format of the log."""
STATED: Final = (*COUNTS, "by_tier", "reported_usd")
"""What does not depend on it either where the log states a cost, from which the projection starts."""
REPORT: Final = ("spend", "projection", "by_tier", "by_model", "by_feature", "by_user", "by_day")
"""Parts of the JSON report."""

K: Final = 1_000
M: Final = 1_000_000


class Against(msgspec.Struct, frozen=True):
    """What costaudit is held against, and what both must come to."""

    program: Program
    agree: tuple[str, ...] = ()
    """Names of totals that must be the same to the last digit."""
    cpu: float | None = None
    """The ratio of CPU that is aimed at."""
    wall: float | None = None
    memory: float | None = None


class Case(msgspec.Struct, frozen=True):
    """One question: this program against those."""

    name: str
    """By which it is chosen; several questions of one kind have the same."""
    title: str
    subject: Program
    against: tuple[Against, ...]
    needs: str = ""
    """An option of `costaudit analyze` without which the case is skipped."""
    in_order: bool = False
    """Whether the others always run before, because they prepare something."""


CASES: Final = (
    Case("lean", "lean JSON lines", costaudit("lean", M), (
        Against(duckdb("lean", M), SAME, cpu=1.0),
        Against(polars("lean", M), SAME),
    )),
    Case("lean", "the same without compiled code", costaudit("lean", M, native=False), (
        Against(duckdb("lean", M), SAME, cpu=1.6),
    )),
    Case("fat", "JSON lines with 90 fields more", costaudit("fat", 300 * K), (
        Against(duckdb("fat", 300 * K), SAME, cpu=1.0),
    )),
    Case("fat", "the same without compiled code", costaudit("fat", 300 * K, native=False), (
        Against(duckdb("fat", 300 * K), SAME, cpu=1.3),
    )),
    Case("text", "JSON lines with prompts, tagged by them", costaudit("text", 100 * K), (
        Against(duckdb("text", 100 * K).named("DuckDB, not by them"), COUNTS),
    )),
    Case("bad", "1 % bad lines", costaudit("bad", M), (
        Against(costaudit("lean", M).named("without them"), SAME, cpu=1.5),
    )),
    Case("late", "a field that begins late", costaudit("late", M), (
        Against(costaudit("lean", M).named("without it"), SAME, cpu=1.2),
    )),
    Case("small", "files of 20 lines", costaudit("small", 10 * K), (
        Against(costaudit("lean", 10 * K).named("one file"), SAME, cpu=3),
    )),
    Case("gz", "lean JSON lines, gzip", costaudit("gz", M), (
        Against(costaudit("lean", M).named("not compressed"), SAME),
        Against(duckdb("gz", M), SAME),
    )),
    Case("parquet", "Parquet", costaudit("parquet", 10 * M), (
        Against(duckdb("parquet", 10 * M), SAME, cpu=0.7, wall=0.9),
        Against(polars("parquet", 10 * M), SAME),
    )),
    Case("growth", "ten times the JSON lines", costaudit("lean", 10 * M), (
        Against(costaudit("lean", M).named("a tenth, per row"), memory=1.15),
    )),
    Case("growth", "ten times the Parquet rows", costaudit("parquet", 30 * M), (
        Against(costaudit("parquet", 3 * M).named("a tenth, per row"), memory=1.15),
    )),
    Case("again", "a second question", analyze("lean", M, cache=False), (
        Against(analyze("lean", M, cache=True).named("the first"), REPORT, cpu=0.15),
    ), needs="--cache", in_order=True),
    Case("litellm", "LiteLLM payloads", costaudit("litellm", 100 * K), (
        Against(duckdb("litellm", 100 * K), STATED),
    )),
    Case("otlp", "OpenTelemetry spans", costaudit("otlp", 100 * K), (
        Against(duckdb("otlp", 100 * K), SAME),
    )),
    Case("start", "`costaudit --help`", command("--help", times=5), (
        Against(imports("typer", times=5), cpu=2.0),
    )),
    Case("start", "`costaudit pricing quote`", command(
        "pricing", "quote", "gpt-4o", "--input", "1000", "--output", "10", times=5,
    ), (
        Against(imports("typer", times=5), cpu=5),
    )),
    Case("start", "an audit of ten lines", analyze("lean", 10, times=3), (
        Against(imports("pyarrow", "numpy", times=3), cpu=3.5),
    )),
)  # fmt: skip
"""In the order in which they run. The number is that of the log's rows at scale 1."""


def scaled(program: Program, scale: float) -> Program:
    """The program on a log of another size: at least ten rows."""
    return program if program.log is None else program.with_rows(max(10, round(program.log.rows * scale)))


def chosen(names: list[str], scale: float) -> list[Case]:
    """The cases of some names, all without, with logs of another size."""
    return [
        msgspec.structs.replace(
            case,
            subject=scaled(case.subject, scale),
            against=tuple(msgspec.structs.replace(a, program=scaled(a.program, scale)) for a in case.against),
        )
        for case in CASES
        if not names or case.name in names
    ]
