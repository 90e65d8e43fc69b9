"""Price tables that are hostile or broken, in every command that reads tables and every format."""

from __future__ import annotations

import csv
import io
import random
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from costaudit.prices.book import shipped_directory
from tests.catalogue.auditor import Auditor, report_of
from tests.catalogue.cases import TRUST, named
from tests.catalogue.logs import lines

Edit = Callable[[bytes], bytes]
CHECK_FORMATS = ("text", "json", "github", "markdown", "junit", "sarif", "gitlab")


def tables_with(place: Path, edit: Edit = bytes) -> Path:
    """The tables of one provider, their prices edited."""
    shipped = shipped_directory()
    place.mkdir()
    for file in shipped.iterdir():
        if file.is_file():
            shutil.copy(file, place)
    shutil.copytree(shipped / "deepseek", place / "deepseek")
    (place / "providers.toml").write_text('["deepseek"]\nkind = "vendor"\n', "utf-8")
    prices = place / "deepseek" / "prices.csv"
    prices.write_bytes(edit(prices.read_bytes()))
    return place


def price(value: str) -> Edit:
    """The first five prices become this."""

    def edit(data: bytes) -> bytes:
        header, *rows = csv.reader(io.StringIO(data.decode()))
        for row in rows[:5]:
            row[header.index("usd")] = value
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([header, *rows])
        return out.getvalue().encode()

    return edit


def after(data: bytes) -> Edit:
    """Something at the end of the prices."""
    return lambda held: held + data


EDITS: dict[str, Edit] = {
    "price NaN": price("NaN"),
    "price Infinity": price("Infinity"),
    "price 1e400": price("1e400"),
    "price negative": price("-1"),
    "price with 5,000 digits": price("0." + "1" * 5000),
    "price 1e-400": price("1e-400"),
    "price empty": price(""),
    "price full-width": price("\uff11"),
    "price with comma": price("1,5"),
    "CR line ends": lambda held: held.replace(b"\n", b"\r"),
    "BOM": lambda held: b"\xef\xbb\xbf" + held,
    "UTF-16": lambda held: held.decode().encode("utf-16"),
    "NUL": after(b"\0"),
    "an open quote": after(b'"deepseek,'),
    "one field of 10 MB": after(b"x" * 10_000_000 + b"\n"),
    "100,000 empty rows": after(b"\n" * 100_000),
    "100,000 commas": after(b"," * 100_000 + b"\n"),
    "every row twice": lambda held: held + held.split(b"\n", 1)[1],
    "empty": lambda _: b"",
    "only a header": lambda held: held.split(b"\n")[0] + b"\n",
    "other header": lambda _: b"a,b,c\n1,2,3\n",
    "header twice": lambda held: held.split(b"\n")[0] + b"\n" + held,
    "binary": lambda _: random.Random(7).randbytes(5000),  # noqa: S311 - the same bytes in every run
    "a conflict marker": lambda held: held.replace(b"\n", b"\n<<<<<<< HEAD\n", 1),
}


@named(EDITS)
@pytest.mark.parametrize(
    "form", [pytest.param(form, marks=() if form == "text" else TRUST) for form in CHECK_FORMATS]
)
def test_broken_tables_are_checked(audit: Auditor, form: str, case: Edit):
    tables = tables_with(audit.place / "pricing", case)
    ended = audit.run("pricing", "check", tables, "--format", form, codes=(0, 1, 2), memory_mb=900)
    assert len(ended.err) < 4000


@named(EDITS)
def test_broken_tables_price_nothing_absurd(audit: Auditor, case: Edit):
    tables = tables_with(audit.place / "pricing", case)
    log = audit.file("x.jsonl", lines(5, model="deepseek-chat"))
    ended = audit.run("analyze", log, "--prices", tables, "--format", "json", codes=(0, 2), memory_mb=900)
    if ended.code == 0:
        assert Decimal(report_of(ended)["spend"]["list_usd"] or 0) >= 0


def test_providers_outside_of_the_folder(audit: Auditor):
    tables = tables_with(audit.place / "pricing")
    kinds = '["../../../../etc"]\nkind = "vendor"\n["deepseek"]\nkind = "vendor"\n'
    (tables / "providers.toml").write_text(kinds, "utf-8")
    ended = audit.run("pricing", "check", tables, codes=(0, 1, 2))
    assert "root:" not in ended.err + ended.text


def test_links_out_of_the_folder(audit: Auditor):
    tables = tables_with(audit.place / "pricing")
    (tables / "etc").symlink_to("/etc")
    (tables / "deepseek" / "models.csv").unlink()
    (tables / "deepseek" / "models.csv").symlink_to("/etc/passwd")
    told = audit.run("pricing", "check", tables, codes=(0, 1, 2))
    assert not any(word in told.err + told.text for word in ("root:", "daemon"))
