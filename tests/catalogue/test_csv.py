"""CSV from spreadsheets, other countries and broken pipes."""

from __future__ import annotations

import pytest

from tests.catalogue.auditor import Auditor, Report, set_aside
from tests.catalogue.cases import TRUST, Log, named
from tests.catalogue.logs import HEADER, MANY, ROW, csv_rows, lines

FIVE = csv_rows([ROW] * 5)


def row(count: str) -> str:
    """A row with this in the column of the input."""
    return f"2026-10-05T09:00:00Z,gpt-4o,{count},1"


READ = {
    "BOM": Log(b"\xef\xbb\xbf" + FIVE, 5),
    "CRLF": Log(FIVE.replace(b"\n", b"\r\n"), 5),
    "CR only": Log(FIVE.replace(b"\n", b"\r"), 5),
    "semicolons": Log(FIVE.replace(b",", b";"), 5),
    "tabs": Log(FIVE.replace(b",", b"\t"), 5),
    "quoted header": Log(FIVE.replace(b"model,", b'"model",'), 5),
    "no last line end": Log(FIVE[:-1], 5),
    "a row too short": Log(
        csv_rows([ROW] * MANY + ["x,gpt-4o,1"] + [ROW] * MANY), 2 * MANY, {"wrong_columns": 1}
    ),
    "a row too long": Log(
        csv_rows([ROW] * MANY + [ROW + ",x"] + [ROW] * MANY), 2 * MANY, {"wrong_columns": 1}
    ),
    "an open quote": Log(csv_rows([ROW] * MANY + ['"' + ROW] + [ROW] * MANY), 2 * MANY, {"wrong_columns": 1}),
    "thousands commas in quotes": Log(
        csv_rows([ROW] * MANY + [row('"1,234"')]), MANY, {"not_integer_usage": 1}
    ),
    "negative": Log(csv_rows([ROW] * MANY + [row("-5")]), MANY, {"negative_usage": 1}),
    "fractional": Log(csv_rows([ROW] * MANY + [row("1.5")]), MANY, {"not_integer_usage": 1}),
    "2^63": Log(csv_rows([ROW] * MANY + [row("9223372036854775808")]), MANY, {"usage_too_large": 1}),
    "blanks around counts": Log(csv_rows(["2026-10-05T09:00:00Z,gpt-4o, 10 , 1 "] * 5), 5),
    "10.0": Log(csv_rows(["2026-10-05T09:00:00Z,gpt-4o,10.0,1.0"] * 5), 5),
    "formula in the model": Log(csv_rows([ROW] * 4 + ["2026-10-05T09:00:00Z,=cmd|' /C calc'!A0,10,1"]), 5),
    "NUL in a field": Log(csv_rows([ROW] * 2000 + [ROW.replace("gpt-4o", "gp\0t")]), 2001),
    "U+2028 in a field": Log(csv_rows([ROW] * 5 + [ROW.replace("gpt-4o", "gpt-4o\u2028")]), 6),
    "U+2028 in the header": Log(csv_rows([ROW + ",x"] * 5, HEADER + ",no\u2028te"), 5),
    "5,000 columns": Log(
        lambda: csv_rows([ROW + ",0" * 5000] * 50, HEADER + "".join(f",c{n}" for n in range(5000))), 50
    ),
}

ODD = {
    "header twice (files concatenated)": Log(FIVE + FIVE, 10),
    "latin-1 field": Log(FIVE + (ROW + "\n" + ROW.replace("gpt-4o", "café")).encode("latin-1") + b"\n", 7),
    "hash comment first": Log(b"# exported by me\n" + FIVE, 5),
    "sep= line of Excel": Log(b"sep=,\n" + FIVE, 5),
    "blank line first": Log(b"\n" + FIVE, 5),
    "upper-case header": Log(csv_rows([ROW] * 5, "Timestamp,Model,Input_Tokens,Output_Tokens"), 5),
}


def beside_three(audit: Auditor, case: Log) -> tuple[int, int, Report]:
    """Requests and input of a CSV file, which is read together with a log of three lines; and the report."""
    report = audit.counted(audit.file("x.csv", case.data), audit.file("good.jsonl", lines(3)))
    return report["spend"]["requests"] - 3, report["spend"]["tokens"]["input"] - 30, report


@named(READ)
def test_rows_are_read(audit: Auditor, case: Log):
    requests, tokens, report = beside_three(audit, case)
    assert (requests, tokens, set_aside(report)) == (case.requests, 10 * case.requests, case.skipped)


@named(ODD)
def test_odd_files_are_read_or_told(audit: Auditor, case: Log):
    requests, tokens, report = beside_three(audit, case)
    assert (requests, tokens) == (case.requests, 10 * case.requests) or set_aside(report)


def test_two_columns_of_one_name(audit: Auditor):
    log = audit.file("x.csv", csv_rows([ROW + ",5"], HEADER + ",input_tokens"))
    audit.refused(log, said=("input_tokens",))


@pytest.mark.parametrize("megabytes", [1, pytest.param(130, marks=TRUST)])
def test_a_long_field(audit: Auditor, megabytes: int):
    log = audit.place / "x.csv"
    with log.open("wb") as out:
        out.write(csv_rows([f"{ROW},p"] * 5, HEADER + ",prompt"))
        out.write(f"{ROW},".encode())
        for _ in range(megabytes):
            out.write(b"x" * (1 << 20))
        out.write(f"\n{ROW},p\n".encode())
    report = audit.counted(log, records=7, memory_mb=900)
    assert report["spend"]["requests"] >= 6
