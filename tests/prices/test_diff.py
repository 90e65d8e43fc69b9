"""`pricing diff`: every kind of change by hand, conditions, and the way there and back."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.errors import UsageError
from costaudit.prices.answers import json_schema
from costaudit.prices.diff import Change, Side, diff_sides, effect, load_side
from costaudit.prices.diff_gates import find_failures, parse_condition, refuse_without_traffic, split_small
from costaudit.prices.folders import Held, shipped_directory
from costaudit.prices.rows import instant_us
from costaudit.prices.trees import Opened
from tests.prices.mutations.desk import Desk, NotHere
from tests.prices.mutations.mistakes import MISTAKES
from tests.prices.mutations.shelf import take
from tests.prices.mutations.updates import UPDATES
from tests.prices.test_rules import ALIASES, BASIC, price, tables

Run = Callable[..., Any]
NOW = instant_us("2026-06-01")
Told = tuple[str, str, str, str | None, str | None, str | None]


def side(book: Held, shown: str = "") -> Side:
    return load_side(Opened(book, shown or book.shown))


def told(base: Held, head: Held) -> list[Told]:
    """Kind, subject, what, old, new, percent of every change."""
    return [
        (c.kind.value, c.subject, c.what, c.old, c.new, c.percent)
        for c in diff_sides(side(base), side(head), NOW)
    ]


BOOK = tables(*BASIC)


def rows(start: str, **cells: str) -> tuple[str, str]:
    """Input 3 and output 12 from a day on: half as much again as before."""
    return tuple(price(f"m,{k},{usd},mtok,{start},", **cells) for k, usd in (("input", 3), ("output", 12)))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("start", "cells", "kind"),
    [
        ("2026-06-01", {}, "change"),
        ("2026-05-18", {}, "change"),  # 14 days of grace, to the day
        ("2026-05-17", {}, "retroactive"),
        ("2026-06-02", {"status": "scheduled"}, "scheduled"),
    ],
)
def test_a_new_row_is_told_by_its_day(start: str, cells: dict[str, str], kind: str):
    assert told(BOOK, tables(*BASIC, *rows(start, **cells))) == [
        (kind, "acme/m", "input", "2", "3", "+50.0"),
        (kind, "acme/m", "output", "8", "12", "+50.0"),
    ]


def test_a_correction_and_an_edit_in_place_are_corrections():
    corrected = price("m,input,1.5,mtok,2026-01-01,", status="correction", note="A slip.")
    (change,) = diff_sides(side(BOOK), side(tables(*BASIC, corrected)), NOW)
    assert (change.kind, change.old, change.new, change.percent) == ("correction", "2", "1.5", "-25.0")
    assert change.note == "A slip."
    assert not parse_condition("retroactive").holds_for(change)
    edited = tables(price("m,input,1.5,mtok,2026-01-01,"), BASIC[1])
    (change,) = diff_sides(side(BOOK), side(edited), NOW)
    assert (change.kind, change.old, change.new) == ("correction", "2", "1.5")
    assert change.note == "edited in place"
    assert parse_condition("retroactive").holds_for(change)
    assert (change.file, change.line, change.side) == ("pricing/acme/prices.csv", 2, "head")


def test_a_start_that_moved_is_a_correction_from_the_earlier_day():
    moved = tables(price("m,input,2,mtok,2026-02-01,"), price("m,output,8,mtok,2026-02-01,"))
    changes = diff_sides(side(BOOK), side(moved), NOW)
    assert [(c.kind, c.at, c.old, c.new) for c in changes] == [
        ("correction", instant_us("2026-01-01"), "2", None),
        ("correction", instant_us("2026-01-01"), "8", None),
    ]
    assert changes[0].note == "moved from 2026-01-01 to 2026-02-01"


def test_a_row_of_the_past_that_repeats_what_held_prices_nothing_anew():
    repeated = tuple(row.replace("2026-01-01", "2026-02-01") for row in BASIC)
    assert told(BOOK, tables(*BASIC, *repeated)) == [
        ("change", "acme/m", "input", "2", "2", "0.0"),
        ("change", "acme/m", "output", "8", "8", "0.0"),
    ]


def test_a_removed_row_falls_back_to_the_price_before_and_stands_in_the_base():
    both = tables(*BASIC, *rows("2026-03-01"))
    changes = diff_sides(side(both), side(BOOK), NOW)
    assert [(c.kind, c.what, c.old, c.new, c.side, c.line) for c in changes] == [
        ("removed", "input", "3", "2", "base", 3),
        ("removed", "output", "12", "8", "base", 5),
    ]


def test_models_come_and_go_whole():
    models = "m,,mid,1000,,text,text,,,,,,,s,\nn,,mid,1000,,text,text,,,,,,,s,"
    more = tables(*BASIC, *(row.replace("m,", "n,", 1) for row in BASIC), models=models)
    assert told(BOOK, more) == [
        ("new-model", "acme/n", "input", None, "2", None),
        ("new-model", "acme/n", "output", None, "8", None),
    ]
    assert {row[0] for row in told(more, BOOK)} == {"removed-model"}


def test_a_class_or_condition_of_its_own_has_the_price_that_held_so_far():
    long = price("m,input,4,mtok,2026-06-01,context>100")
    batch = price("m,input,1,mtok,2026-06-01,tier=batch")
    cache = price("m,cache_read,0.2,mtok,2026-06-01,")
    assert told(BOOK, tables(*BASIC, long, batch, cache)) == [
        ("change", "acme/m", "cache_read", None, "0.2", None),
        ("change", "acme/m", "input [context>100]", "2", "4", "+100.0"),  # long requests cost 2 until then
        ("change", "acme/m", "input [tier=batch]", None, "1", None),  # batch had no price
    ]


def test_a_row_that_was_only_checked_again_is_provenance():
    again = tuple(row.replace("2026-05-30,2026-05-30", "2026-06-01,2026-05-30") for row in BASIC)
    assert [(c.kind, c.note) for c in diff_sides(side(BOOK), side(tables(*again)), NOW)] == [
        ("provenance", "checked_on")
    ] * 2


def test_an_alias_that_moves_is_told_from_its_day():
    before = tables(*BASIC, acme__aliases_csv=f"{ALIASES}\na,m,,,s,high,2026-01-01,\n")
    rows_ = "a,m,,2026-05-25,s,high,2026-01-01,\na,n,2026-05-25,,s,high,2026-05-25,\n"
    after = tables(*BASIC, acme__aliases_csv=f"{ALIASES}\n{rows_}")
    (change,) = diff_sides(side(before), side(after), NOW)
    assert (change.kind, change.subject, change.old, change.new) == ("alias", "acme/a", "m", "n")
    assert (change.at, change.line) == (instant_us("2026-05-25"), 3)


def test_facts_providers_fees_windows_and_semantics():
    window = "window,valid_from,valid_to,start_utc,end_utc,weekdays,timezone,holidays,recorded_on,note\n"
    semantics = "provider,flavour,input_includes,output_includes,source,note\n"
    fees = '[gate]\nname = "Gate"\n[[gate.fees]]\nkind = "percent"\nvalue = "{}"\nvalid_from = "2026-01-01"\n'
    before = tables(
        *BASIC,
        gateways_toml=fees.format("5"),
        windows_csv=f"{window}peak,2026-01-01,,01:00,04:00,12345,UTC,,2026-01-01,\n",
        semantics_csv=f"{semantics}acme,chat,cache_read,reasoning,s,\n",
    )
    after = tables(
        *BASIC,
        models="m,,mid,2000,,text,text,,,,,,2027-01-01,s,",
        providers_toml='[acme]\nkind = "host"\n',
        gateways_toml=fees.format("5.5"),
        windows_csv=f"{window}peak,2026-01-01,,01:00,05:00,12345,UTC,,2026-01-01,\n",
        semantics_csv=f"{semantics}acme,chat,,reasoning,s,\n",
    )
    assert told(before, after) == [
        ("fact", "acme/m", "context_window", "1000", "2000", None),
        ("fact", "acme/m", "retired_on", None, "2027-01-01", None),
        ("provider", "acme", "kind", "vendor", "host", None),
        ("gateway", "gate", "percent", "5", "5.5", "+10.0"),
        ("window", "peak", "hours", "01:00-04:00 on 12345 UTC from 2026-01-01", None, None),
        ("window", "peak", "hours", None, "01:00-05:00 on 12345 UTC from 2026-01-01", None),
        (
            "semantics",
            "acme",
            "chat",
            "input cache_read, output reasoning",
            "input alone, output reasoning",
            None,
        ),
    ]
    fee = next(c for c in diff_sides(side(before), side(after), NOW) if c.kind == "gateway")
    assert (fee.file, fee.line) == ("pricing/gateways.toml", 3)


# --- the way there and back -------------------------------------------------------------------------

SHELF = {name: take(shipped_directory(), name, 25) for name in ("anthropic", "deepseek", "openai", "xai")}
EDITS = [m.make for m in MISTAKES if m.codes != {"CA101"} and "CA112" not in m.codes] + UPDATES


def edit(seed: int, times: int) -> tuple[Held, Held]:
    """Tables before and after some edits, honest or not."""
    chance = random.Random(seed)  # noqa: S311
    shelf = SHELF[chance.choice(sorted(SHELF))]
    before, after = shelf.held(), shelf.copy()
    for _ in range(times):
        draft = after.copy()
        try:
            chance.choice(EDITS)(Desk(chance, draft, date(2026, 11, 24)))
        except (NotHere, AssertionError):  # an edit of a shared file that was made already
            continue
        after = draft
    return before, after.held()


@given(st.integers(0, 10**6), st.integers(1, 6))
def test_there_and_back_cancels_and_a_book_does_not_differ_from_itself(seed: int, times: int):
    now = instant_us("2026-11-24")
    base, head = (side(book) for book in edit(seed, times))
    there, back = diff_sides(base, head, now), diff_sides(head, base, now)
    turned = Counter((subject, what, at, new, old) for subject, what, at, old, new in map(effect, back))
    assert Counter(map(effect, there)) == turned
    assert diff_sides(base, base, now) == diff_sides(head, head, now) == ()


# --- conditions ---------------------------------------------------------------------------------------

UP = diff_sides(side(BOOK), side(tables(*BASIC, *rows("2026-06-01"))), NOW)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("increase>5%", True),
        ("increase > 49.99 %", True),
        ("increase>50%", False),  # exactly the limit does not exceed it
        ("decrease>0%", False),
        ("change", True),
        ("retroactive", False),
        ("Correction", False),
    ],
)
def test_a_condition_holds_above_its_limit(text: str, holds: bool):
    assert bool(find_failures(UP, [parse_condition(text)])) == holds


def test_a_price_from_nothing_has_no_percentage():
    new = diff_sides(side(BOOK), side(tables(*BASIC, price("m,cache_read,0.2,mtok,2026-06-01,"))), NOW)
    assert [c.ratio for c in new] == [None]
    assert find_failures(new, [parse_condition("increase>0%")]) == ()
    free = tables(price("m,input,0,mtok,2026-01-01,", "Free."), price("m,output,0,mtok,2026-01-01,", "Free."))
    paid = diff_sides(side(free), side(tables(*BASIC)), NOW)
    assert find_failures(paid, [parse_condition("increase>0%")]) == ()


def test_a_decrease_is_one():
    down = diff_sides(side(tables(*BASIC, *rows("2026-03-01"))), side(BOOK), NOW)
    assert [c.ratio for c in down] == [Decimal(-100) / 3] * 2
    assert find_failures(down, [parse_condition("decrease>33%")])
    assert not find_failures(down, [parse_condition("decrease>34%")])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("increse>5%", "did you mean 'increase'"),
        ("retroactiv", "did you mean 'retroactive'"),
        ("increase>=5%", "like retroactive, or"),
        ("increase>5", "no condition"),
        ("increase>-5%", "no condition"),
        ("increase>500eur", "no condition"),
        ("unprized", "did you mean 'unpriced'"),
        ("", "no condition"),
    ],
)
def test_a_word_that_is_no_condition_is_refused(text: str, said: str):
    with pytest.raises(UsageError) as caught:
        parse_condition(text)
    assert said in str(caught.value) or said in str(caught.value.hint)


def test_a_limit_in_dollars_needs_traffic():
    with pytest.raises(UsageError, match="about a bill"):
        refuse_without_traffic([parse_condition("increase>500usd")])
    refuse_without_traffic([parse_condition("increase>5%"), parse_condition("retroactive")])


def test_small_changes_are_set_aside_and_do_not_fail():
    count, small = split_small(UP, Decimal(60))
    assert (count, small) == ([], list(UP))
    assert split_small(UP, Decimal(50)) == (list(UP), [])
    assert split_small(UP, None) == (list(UP), [])


# --- the command line ---------------------------------------------------------------------------------


def write(place: Path, book: Held) -> Path:
    for path in book.rglob("*"):
        if path.is_file():
            target = place / path.relative_to(book)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return place


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two states of the tables, old/ and new/."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "old", BOOK)
    write(tmp_path / "new", tables(*BASIC, *rows("2026-06-01")))
    return tmp_path


TEXT = """\
prices changed: 2
  acme/m from 2026-06-01 (new/acme/prices.csv:3-5)
    input   2  →   3  +50.0 %
    output  8  →  12  +50.0 %
2 changes between old (2026.05.30) and new (2026.05.30)
fails: increase>5%: acme/m input and 1 more
"""


def test_a_diff_in_text(run: Run, two: Path):
    outcome = run("pricing", "diff", "old", "new", "--at", "2026-06-01", "--fail-if", "increase>5%")
    assert (outcome.code, outcome.out, outcome.err) == (1, TEXT, "")
    assert run("pricing", "diff", "old", "new", "--at", "2026-06-01").code == 0


def test_a_diff_as_json_conforms_to_its_schema(run: Run, two: Path):
    argv = ("pricing", "diff", "old", "new", "--at", "2026-06-01", "--fail-if", "change", "--format", "json")
    outcome = run(*argv)
    told_ = json.loads(outcome.out)
    jsonschema.validate(told_, json_schema("diff"))
    assert (outcome.code, told_["exit_code"], told_["verdict"]) == (1, 1, "failed")
    assert told_["failures"] == [{"condition": "change", "changes": [0, 1], "bill": None}]
    assert (told_["impact"], told_["violations"]) == (None, [])
    assert told_["changes"][1] == {
        "kind": "change", "subject": "acme/m", "what": "output", "from": "2026-06-01", "old": "8",
        "new": "12", "unit": "usd_per_mtok", "percent": "+50.0", "file": "new/acme/prices.csv", "line": 5,
        "side": "head", "note": None,
    }  # fmt: skip
    small = json.loads(run(*argv, "--ignore-below", "60%").out)
    assert (small["changes"], len(small["ignored"]), small["exit_code"]) == ([], 2, 0)


def test_check_and_rules_as_json_conform_to_their_schemas(run: Run, two: Path):
    checked = json.loads(run("pricing", "check", "new", "--base", "old", "--format", "json").out)
    jsonschema.validate(checked, json_schema("check"))
    rules = json.loads(run("pricing", "explain", "--format", "json").out)
    jsonschema.validate(rules, json_schema("rules"))
    checked["violations"] = [{"code": "CA101"}]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(checked, json_schema("check"))


def test_a_diff_in_markdown_is_safe_and_can_be_found_again(run: Run, two: Path):
    out = run("pricing", "diff", "old", "new", "--at", "2026-06-01", "--format", "markdown").out
    assert out.startswith("<!-- costaudit:pricing-diff -->\n### Price tables: no objection\n")
    assert "| 2026-06-01 | acme/m input | 2 | 3 | +50.0 % | new/acme/prices.csv:3 |" in out
    bad = price("m,input,3,mtok,2026-01-01,", status="correction", note="<img src=x> | @all [a](http://b)")
    write(two / "bad", tables(*BASIC, bad))
    hostile = run("pricing", "diff", "old", "bad", "--format", "markdown").out
    assert "<img" not in hostile
    assert "\\| @&#8203;all \\[a\\](http:&#8203;//b)" in hostile


def test_a_long_diff_in_markdown_says_what_it_leaves_out(run: Run, two: Path):
    names = [f"model-{n:04}" for n in range(700)]
    models = "\n".join(f"{name},,mid,1000,,text,text,,,,,,,s," for name in ("m", *names))
    many = [row.replace("m,", f"{name},", 1) for name in names for row in BASIC]
    write(two / "many", tables(*BASIC, *many, models=models))
    out = run("pricing", "diff", "old", "many", "--format", "markdown").out
    assert len(out) < 65_536
    assert "are left out here" in out


def test_single_tables_are_compared(run: Run, two: Path):
    out = run("pricing", "diff", "old/acme/prices.csv", "new/acme/prices.csv", "--at", "2026-06-01").out
    assert "acme/m from 2026-06-01 (new/acme/prices.csv:3-5)" in out
    assert (
        run("pricing", "diff", "old/acme/prices.csv", "new", "--at", "2026-06-01").out.count("+50.0 %") == 2
    )
    (two / "mine.csv").write_bytes((two / "new/acme/prices.csv").read_bytes())
    assert "(mine.csv:3-5)" in run("pricing", "diff", "old/acme/prices.csv", "mine.csv").out
    refused = run("pricing", "diff", "old/acme/prices.csv", "old/acme/models.csv")
    assert (refused.code, refused.out) == (2, "")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("nowhere", "new"), "no such directory"),
        (("old", "new", "--fail-if", "x"), "is no condition"),
        (("old", "new", "--ignore-below", "5"), "not a percentage"),
        (("old", "new", "--format", "html"), "unknown format"),
        (("git:main:old", "new"), "not inside a git repository"),
        (("git::old", "new"), "names no revision"),
        (("git:--help:old", "new"), "names no revision"),
    ],
)
def test_what_cannot_be_compared_ends_with_2(run: Run, two: Path, argv: tuple[str, ...], said: str):
    outcome = run("pricing", "diff", *argv)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_row_that_cannot_be_read_ends_with_2(run: Run, two: Path):
    table = two / "new" / "acme" / "prices.csv"
    table.write_text(table.read_text("utf-8").replace(",3,mtok", ",x,mtok"), "utf-8")
    outcome = run("pricing", "diff", "old", "new")
    assert outcome.code == 2
    assert "new/acme/prices.csv:3" in outcome.err


def test_percent_is_rounded_and_the_ratio_is_not():
    change = Change(UP[0].kind, "s", "w", None, "3", "2", "usd_per_mtok", "f", 1, "head")
    assert change.percent == "-33.3"
    assert change.ratio == Decimal(-100) / 3


def test_nothing_of_a_table_reaches_the_terminal_as_a_command(run: Run, two: Path):
    bad = price("m,input,3,mtok,2026-01-01,", status="correction", note="\x1b[2J\x9b31m\u202e")
    write(two / "bad", tables(*BASIC, bad))
    for argv in (("diff", "old", "bad"), ("check", "bad", "--base", "old")):
        for name in ("text", "json"):
            out = run("pricing", *argv, "--format", name).out
            assert not any(mark in out for mark in "\x1b\x9b\u202e")
