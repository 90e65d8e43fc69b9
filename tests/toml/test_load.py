"""TOML is read within limits, and what is wrong is told with its line."""

from __future__ import annotations

import contextlib
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.errors import ConfigError, TableError
from costaudit.toml.load import DEEPEST, LONGEST_WORD, MOST_BYTES, MOST_PARTS, load_toml, parse_toml

NEAR = {
    "arrays": "a = " + "[" * DEEPEST + "]" * DEEPEST,
    "inline tables": "a = " + "{a = " * (DEEPEST - 1) + "1" + "}" * (DEEPEST - 1),
    "a key of parts": ".".join(["a"] * MOST_PARTS) + " = 1",
    "a table of parts": "[" + ".".join(['"a.b"'] * MOST_PARTS) + "]",
    "a long number": "a = " + "1" * LONGEST_WORD,
    "brackets in a text": "a = '''" + "[" * 1000 + "'''\nb = \"" + "{" * 1000 + '" # ' + "[" * 1000,
    "dots in a text": 'a = "' + "." * 1000 + '"\n# ' + "." * 1000 + "\nb = [" + "1.5, " * 1000 + "]",
    "quotes that are escaped": 'a = "\\"[[["\nb = """\\"""[[["""',
    "a byte order mark and Windows line ends": "\ufeffa = 1\r\nb = 2\r\n",
    "nothing": "",
}  # fmt: skip


@pytest.mark.parametrize("case", NEAR)
def test_what_is_within_the_limits_is_read_as_tomllib_does(tmp_path: Path, case: str):
    path = tmp_path / "x.toml"
    path.write_bytes(NEAR[case].encode())
    plain = NEAR[case].removeprefix("\ufeff").replace("\r\n", "\n")
    assert load_toml(path).table == tomllib.loads(plain)


BEYOND = {
    "arrays": ("\na = " + "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), 2, "brackets are in each other"),
    "arrays over lines": ("a = [\n" * (DEEPEST + 1), DEEPEST + 1, "brackets are in each other"),
    "inline tables": ("a = " + "{a = " * 5000 + "1" + "}" * 5000, 1, "brackets are in each other"),
    "a key of parts": ("\n\n" + " . ".join(["a"] * 20_000) + " = 1", 3, "a key of more than 32 parts"),
    "a table of parts": ("[" + ".".join(["'a'"] * 33) + "]", 1, "a key of more than 32 parts"),
    "tables nested": ("a = " + ("{" + ".".join("a" * 9) + " = ") * 20 + "1" + "}" * 20, None, "tables are"),
    "a number that Python refuses": ("b = 1\na = 1" + "0" * 5000, 2, "a word of more than 1,000 characters"),
    "a hexadecimal number": ("a = 0x" + "f" * 5000, 1, "a word of more than 1,000 characters"),
    "nan": ("a = 1\nb = [1, nan]", 2, "nan is no number to go by"),
    "minus inf": ("a = 1\n\nb = -inf", 3, "-inf is no number to go by"),
    "a float beyond floats": ("a = 1e400", 1, "1e400 is no number to go by"),
    "an open text": ('a = 1\nb = "', 2, "not valid TOML: Unterminated string"),
    "an open text over lines": ('a = """' + "\\" * 100_000, 1, "not valid TOML"),
    "an end too early": ("a = [\n1,\n", 2, "not valid TOML"),
    "a key twice": ("a = 1\na = 2\n", 2, "not valid TOML: Cannot overwrite a value"),
    "a date that is none": ("a = 2026-02-30", 1, "not valid TOML: Invalid date"),
}  # fmt: skip


@pytest.mark.parametrize("case", BEYOND)
def test_what_is_beyond_is_told_with_its_line(case: str):
    text, line, said = BEYOND[case]
    with pytest.raises(ConfigError) as caught:
        parse_toml(text, "x.toml")
    assert said in caught.value.message
    assert (caught.value.path, caught.value.line) == ("x.toml", line)
    assert len(str(caught.value)) < 300


BYTES = {
    "too large": (b"#" * (MOST_BYTES + 1), "x.toml: is larger than 2 MB"),
    "not UTF-8": (b"a = 1\nb = 'caf\xe9'", "x.toml:2: is not UTF-8 text"),
    "UTF-16": ("a = 1".encode("utf-16"), "x.toml:1: is not UTF-8 text"),
    "NUL": (b"a = 1\0", "x.toml:1: not valid TOML"),
}  # fmt: skip


@pytest.mark.parametrize("case", BYTES)
def test_bytes_that_are_no_text_are_told(tmp_path: Path, case: str):
    data, said = BYTES[case]
    (tmp_path / "x.toml").write_bytes(data)
    with pytest.raises(TableError) as caught:
        load_toml(tmp_path / "x.toml", "x.toml", error=TableError)
    assert str(caught.value).startswith(said)


def test_a_file_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"x\.toml: cannot be read: No such file or directory$"):
        load_toml(tmp_path / "x.toml")


def test_floats_are_read_as_asked():
    assert parse_toml("a = 0.1", "x", parse_float=Decimal).table == {"a": Decimal("0.1")}


def test_the_line_of_a_key_is_that_of_the_nearest_table_around_it():
    read = parse_toml("a = 1\n[b]\nc = [\n1,\n2]\n", "x")
    assert [read.line("b", "c", 1), read.line("b", "c", 7), read.line("b", "x"), read.line("x")] == [
        5,
        3,
        2,
        None,
    ]


WORDS = st.sampled_from(
    ["a", "b.c", '"x"', "'", '"', '"""', "'''", "[", "]", "[[", "]]", "{", "}", "=", ",", ".", "#", "\n",
     "\\", " ", "1", "1.5", "nan", "-inf", "1e999", "2026-01-01", "true", "é", "\r\n", "\t"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=40).map("".join))
def test_any_text_is_read_as_tomllib_does_or_refused(text: str):
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(ConfigError):
            parse_toml(text, "x")
        return
    if any(word in text for word in ("nan", "inf", "1e999")):
        with contextlib.suppress(ConfigError):  # refused, unless it is within a text or a comment
            assert parse_toml(text, "x").table == expected
    else:
        assert parse_toml(text, "x").table == expected
