"""Excel workbooks: sheets are tables, and what is no workbook is refused by what it is."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from costaudit.errors import InputError
from costaudit.ingest.canonical import chained
from costaudit.ingest.reader import open_log
from costaudit.ingest.sniff import sniff
from costaudit.ingest.workbook import Workbook

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

STYLES = (
    '<numFmts><numFmt numFmtId="164" formatCode="dd/mm/yyyy\\ hh:mm"/>'
    '<numFmt numFmtId="165" formatCode="0.00&quot; days&quot;"/></numFmts>'
    '<cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="22"/><xf numFmtId="165"/></cellXfs>'
)


def cell(place: str, value: Any, style: int = 0) -> str:
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'
    return f'<c r="{place}" s="{style}"><v>{value!r}</v></c>'


def row(number: int, *values: Any) -> str:
    cells = [
        value.replace("?", f"{chr(65 + n)}{number}")
        if str(value).startswith("<c")
        else cell(f"{chr(65 + n)}{number}", value)
        for n, value in enumerate(values)
        if value is not None
    ]
    return f'<row r="{number}">{"".join(cells)}</row>'


def workbook(
    path: Path, *sheets: str, shared: str = "", space: str = MAIN, book: str = "", head: str = ""
) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        names = "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="r{n}"/>' for n in range(1, len(sheets) + 1))
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{space}" xmlns:r="{LINKS}">{book}<sheets>{names}</sheets></workbook>',
        )
        links = "".join(
            f'<Relationship Id="r{n}" Target="worksheets/s{n}.xml"/>' for n in range(1, len(sheets) + 1)
        )
        archive.writestr("xl/_rels/workbook.xml.rels", f"<Relationships>{links}</Relationships>")
        archive.writestr("xl/styles.xml", f'<styleSheet xmlns="{space}">{STYLES}</styleSheet>')
        archive.writestr("xl/sharedStrings.xml", f'<sst xmlns="{space}">{shared}</sst>')
        for number, rows in enumerate(sheets, 1):
            text = f'{head}<worksheet xmlns="{space}"><sheetData>{rows}</sheetData></worksheet>'
            archive.writestr(f"xl/worksheets/s{number}.xml", text)
    return path


HEADER = ("timestamp", "model", "input_tokens", "output_tokens", "cost")
NOON = 45965.5
"""2025-11-04 12:00, in days from the end of 1899: 45,965 = date(2025, 11, 4) - date(1899, 12, 30)."""


def read(path: Path) -> tuple[list[dict[str, Any]], dict[str, list[tuple[str, int]]]]:
    reader = open_log(sniff("log.xlsx", path))
    parsed = chained([reader.parse(block) for block in reader.blocks()])
    rows = parsed.batch.to_pylist() if parsed.formats else []
    told = {reason: [(p.file, p.line) for p in places] for reason, places in parsed.quarantine.places.items()}
    for line, one in zip(parsed.lines, rows, strict=False):
        one["line"] = line
    return rows, told


def dated(value: float, style: int) -> str:
    return f'<c r="?" s="{style}"><v>{value}</v></c>'


@pytest.mark.parametrize("space", [MAIN, STRICT])
def test_rows_of_a_sheet_are_records_below_its_header(tmp_path: Path, space: str):
    path = workbook(
        tmp_path / "log",
        row(1, "Usage of November") + row(4, *HEADER)
        + row(5, dated(NOON, 1), "gpt-4o", 1000, 200, 0.0045)
        + row(7, dated(NOON, 2), "gpt-4o", "1,000", 200, "$0.0045"),
        space=space,
    )  # fmt: skip
    rows, told = read(path)
    assert [(r["line"], r["input"], r["output"], r["reported_picousd"]) for r in rows] == [
        (5, 1000, 200, 4_500_000_000),
        (7, 1000, 200, 4_500_000_000),
    ]
    assert {r["ts"].strftime("%Y-%m-%d %H:%M") for r in rows} == {"2025-11-04 12:00"}
    assert told == {}


def test_every_sheet_is_a_table_and_told_by_its_name(tmp_path: Path):
    call = row(2, "2025-11-04", "gpt-4o", 10, 2, None)
    path = workbook(
        tmp_path / "log", row(1, *HEADER) + call, row(1, "a", "b") + row(2, 1, 2), row(1, *HEADER) + call
    )
    rows, told = read(path)
    assert [r["input"] for r in rows] == [10, 10]
    assert told == {"unrecognised": [("log.xlsx#S2", 2)]}


def test_cells_are_numbers_texts_truth_values_and_dates_by_their_format(tmp_path: Path):
    shared = "<si><t>plain</t></si><si><r><t>in </t></r><r><t>parts</t></r><rPh><t>sounds</t></rPh></si>"
    cells = (
        '<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c><c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c>'
        '<c t="str"><v>x</v></c>'
        f'<c><v>4.4999999999999997E-3</v></c><c s="3"><v>{NOON}</v></c><c s="1"><v>{NOON}</v></c>'
        '<c s="1"/></row>'
    )
    with workbook(tmp_path / "log", cells, shared=shared).open("rb") as stream:
        book = Workbook(stream)
        ((number, values),) = book.rows(book.sheets[0])
    assert number == 1
    assert values == {
        0: "plain", 1: "in parts", 2: True, 4: "x", 5: 0.0045, 6: NOON, 7: "2025-11-04T12:00:00.000",
    }  # fmt: skip


def test_days_may_be_counted_from_1904(tmp_path: Path):
    path = workbook(tmp_path / "log", row(1, dated(NOON - 1462, 1)), book='<workbookPr date1904="1"/>')
    with path.open("rb") as stream:
        book = Workbook(stream)
        assert list(book.rows(book.sheets[0])) == [(1, {0: "2025-11-04T12:00:00.000"})]


def archive_of(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


REFUSED = {
    "a zip archive, not a log": archive_of("a.txt"),
    "a binary workbook": archive_of("xl/workbook.bin"),
    "an OpenDocument file": archive_of("mimetype", "content.xml"),
    "not whole": archive_of("xl/workbook.xml")[:60],
    "an old or protected Excel workbook": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    "the workbook cannot be read": archive_of("xl/workbook.xml"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_is_no_workbook_is_refused_by_what_it_is(why: str, tmp_path: Path):
    path = tmp_path / "log"
    path.write_bytes(REFUSED[why])
    with pytest.raises(InputError, match=why):
        open_log(sniff("log", path))


def test_a_document_type_and_a_bomb_are_refused_and_a_damaged_sheet_costs_itself(tmp_path: Path):
    good = row(1, *HEADER) + row(2, "2025-11-04", "gpt-4o", 10, 2, 0.1)
    with pytest.raises(InputError, match="no sheet has a table"):
        open_log(sniff("log", workbook(tmp_path / "a", good, head="<!DOCTYPE x>")))
    with pytest.raises(InputError, match="no sheet has a table"):
        open_log(sniff("log", workbook(tmp_path / "b", good + f"<row>{' ' * (65 << 20)}</row>")))
    rows, told = read(workbook(tmp_path / "c", good, "<row><c"))
    assert ([r["input"] for r in rows], told) == ([10], {"damaged_data": [("log.xlsx#S2", 0)]})


def test_two_columns_of_one_name_are_refused(tmp_path: Path):
    path = workbook(tmp_path / "log", row(1, "model", "cost", "cost") + row(2, "gpt-4o", 1, 2))
    with pytest.raises(InputError, match="two columns of the sheet S1 are called 'cost'"):
        open_log(sniff("log", path))
