"""The rules: each one finds its case, is explained, can be selected, and is suppressed only with a reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from costaudit.errors import TableError, UsageError
from costaudit.prices.book import shipped_directory
from costaudit.prices.check import CheckTerms, judge_tables, load_base
from costaudit.prices.folders import Held
from costaudit.prices.rows import instant_us
from costaudit.prices.rules.registry import FAMILIES, OBSERVED, RULES, rule_named, select_rules
from costaudit.prices.rules.rule import BrokenAt, UnpricedTraffic, Violation, Wanted, violation
from costaudit.prices.rules.suppressions import Suppression, load_suppressions
from tests.prices.mutations.mistakes import MISTAKES

Run = Callable[..., Any]
NOW = instant_us("2026-06-01")
PRICES = "model,class,usd,per,valid_from,when,status,source,confidence,checked_on,recorded_on,note"
MODELS = (
    "model,family,class,context_window,max_output,input_modalities,output_modalities,tools,json_mode,reasoning,"
    "tokenizer,released_on,retired_on,source,note"
)
ALIASES = "alias,model,valid_from,valid_to,source,confidence,recorded_on,note"


def price(start: str, note: str = "", status: str = "", day: str = "2026-05-30") -> str:
    """A row of prices.csv from its first cells: model,class,usd,per,valid_from,when."""
    return f"{start},{status},s,high,{day},{day},{note}"


BASIC = (price("m,input,2,mtok,2026-01-01,"), price("m,output,8,mtok,2026-01-01,"))


def order(row: str) -> tuple[str, ...]:
    cells = row.split(",")
    return cells[0], cells[1], cells[5], cells[4]


def tables(*prices: str, models: str = "m,,mid,1000,,text,text,,,,,,,s,", **files: str) -> Held:
    """A book of one provider, acme, in memory."""
    own = {
        "providers.toml": '[acme]\nkind = "vendor"\n',
        "acme/prices.csv": "\n".join([PRICES, *sorted(prices, key=order), ""]),
        "acme/models.csv": f"{MODELS}\n{models}\n",
    }
    named = {
        name.replace("__", "/").replace("_csv", ".csv").replace("_toml", ".toml"): t
        for name, t in files.items()
    }
    return Held({name: text.encode() for name, text in {**own, **named}.items()}, "pricing")


def codes(book: Held, **terms: Any) -> list[str]:
    return [v.code for v in judge_tables(book, terms=CheckTerms(**terms)).violations]


def test_a_plain_book_breaks_no_rule():
    base = load_base(tables(*BASIC))
    assert codes(tables(*BASIC), base=base, now=NOW, max_age_days=30) == []


def test_the_shipped_book_breaks_no_rule_and_every_suppression_has_a_use():
    checked = judge_tables(terms=CheckTerms(now=instant_us("2026-12-01")))
    assert checked.violations == ()
    assert {s.violation.code for s in checked.suppressed} <= {
        "CA302",
        "CA303",
        "CA306",
        "CA307",
        "CA308",
        "CA309",
        "CA310",
    }


def test_nothing_changed_since_the_shipped_book_itself():
    base = load_base(shipped_directory())
    assert judge_tables(terms=CheckTerms(base=base, now=instant_us("2026-12-01"))).violations == ()


FLAT = tuple(
    price(f"m,{klass},{usd},mtok,2026-01-01,{when}")
    for when, times in (("context>100", 2), ("tier=flex", 1))
    for klass, usd in (("input", 2 * times), ("output", 8 * times))
)
SCHEDULED = (
    price("m,input,3,mtok,2026-05-01,", status="scheduled", day="2026-04-01"),
    price("m,output,9,mtok,2026-05-01,", status="scheduled", day="2026-04-01"),
)
RETIRED = "m,,mid,1000,,text,text,,,,,2025-01-01,2026-05-01,s,"


@pytest.mark.parametrize(
    ("book", "terms", "code"),
    [
        (tables(*BASIC, *FLAT), {}, "CA111"),
        (tables(*(row.replace(",2,", ",0.002,").replace(",8,", ",0.008,") for row in BASIC)), {}, "CA304"),
        (tables(*BASIC, *SCHEDULED), {"now": NOW}, "CA211"),
        (tables(*BASIC), {"now": instant_us("2026-09-01"), "max_age_days": 30}, "CA403"),
        (
            tables(*BASIC, models=RETIRED),
            {"now": NOW, "wanted": (Wanted(("acme/m",), "roster.toml", 3),)},
            "CA503",
        ),
        (tables(*BASIC), {"now": NOW, "wanted": (Wanted(("acme/n",), "roster.toml", 3),)}, "CA501"),
        (
            tables(
                *BASIC, suppressions_toml='[[suppressions]]\ncode = "CA303"\nsubject = "x"\nreason = "y"\n'
            ),
            {},
            "CA114",
        ),
        (
            tables(*BASIC),
            {"traffic": lambda: [UnpricedTraffic("acme/n", "unknown_model", 147, "a.jsonl")]},
            "CA504",
        ),
        (tables(*BASIC, acme__price_csv=PRICES), {}, "CA112"),
        (tables(*BASIC, acmo__prices_csv=PRICES), {}, "CA112"),
    ],
)
def test_a_planted_case_is_found(book: Held, terms: dict[str, Any], code: str):
    assert set(codes(book, **terms)) == {code}


def test_every_rule_has_a_mistake_or_a_case_that_it_finds():
    planted = {"CA111", "CA114", "CA211", "CA403", "CA503", "CA504"}
    elsewhere = {"CA410", "CA601", "CA602"}  # importers/test_command.py, test_impact.py
    never_alone = {code for m in MISTAKES for code in m.codes}
    assert {rule.code for rule in RULES} == planted | elsewhere | never_alone


def test_what_depends_on_the_day_or_on_a_base_is_not_judged_without():
    assert codes(tables(*BASIC, *SCHEDULED)) == []
    edited = tables(price("m,input,3,mtok,2026-01-01,"), BASIC[1])
    assert codes(edited) == []
    assert codes(edited, base=load_base(tables(*BASIC)), now=NOW) == ["CA204"]


def test_a_violation_has_all_that_a_renderer_needs():
    row = price("m,input,3,mtok,2026-01-01,")
    checked = judge_tables(tables(row, BASIC[1]), terms=CheckTerms(base=load_base(tables(*BASIC)), now=NOW))
    (found,) = checked.violations
    assert (found.file, found.line, found.severity) == ("pricing/acme/prices.csv", 2, "error")
    assert (found.name, found.subject) == ("edited-in-place", "acme/m/input@2026-01-01")
    assert found.message == "acme/m/input@2026-01-01 was 2 and is 3 now, without a correction"
    assert found.help
    assert found.fix


def test_every_table_that_cannot_be_read_is_named_at_once():
    rows = (price("a,input,x,mtok,2026-01-01,"), price("b,input,1,ktok,2026-01-01,"), *BASIC)
    checked = judge_tables(tables(*rows))
    assert checked.unreadable
    assert [(v.code, v.line) for v in checked.violations] == [("CA101", 2), ("CA101", 3)]


# --- history, with a base: by hand --------------------------------------------------------------------


def against(base: Held, head: Held, now: int = NOW) -> list[str]:
    return codes(head, base=load_base(base), now=now)


def test_a_new_row_is_retroactive_beyond_the_grace_and_without_a_note():
    late = tuple(price(f"m,{k},{usd},mtok,2026-05-10,") for k, usd in (("input", 3), ("output", 9)))
    soon = tuple(row.replace("2026-05-10", "2026-05-20") for row in late)
    noted = tuple(f"{row}Found in the changelog." for row in late)
    assert against(tables(*BASIC), tables(*BASIC, *late)) == ["CA207", "CA207"]
    assert against(tables(*BASIC), tables(*BASIC, *soon)) == []
    assert against(tables(*BASIC), tables(*BASIC, *noted)) == []


def test_the_first_price_of_a_class_prices_nothing_anew():
    head = tables(*BASIC, price("m,cache_read,0.2,mtok,2026-01-01,"))
    assert against(tables(*BASIC), head) == []


def test_a_long_context_price_of_the_past_prices_long_requests_anew():
    long = tuple(price(f"m,{k},{usd},mtok,2026-01-01,context>9") for k, usd in (("input", 4), ("output", 16)))
    assert against(tables(*BASIC), tables(*BASIC, *long)) == ["CA207", "CA207"]


def test_an_alias_may_move_today_and_not_in_the_past():
    def named(*rows: str) -> Held:
        both = [*BASIC, *(row.replace("m,", "n,", 1).replace(",2,", ",3,") for row in BASIC)]
        models = "m,,mid,1,,text,text,,,,,,,s,\nn,,mid,1,,text,text,,,,,,,s,"
        return tables(*both, models=models, acme__aliases_csv="\n".join([ALIASES, *rows, ""]))

    before = named("a,m,,,s,high,2026-01-01,")
    moved = named("a,m,,2026-05-25,s,high,2026-01-01,", "a,n,2026-05-25,,s,high,2026-05-25,")
    assert against(before, moved) == []
    assert against(before, named("a,n,,,s,high,2026-01-01,")) == ["CA213"]
    assert against(before, named()) == ["CA213"]
    said = "a,n,,,s,high,2026-01-01,Corrects the target: it was n from the first."
    assert against(before, named(said)) == []
    assert against(named(), before) == []


def test_the_end_of_a_window_may_be_set_and_its_hours_not():
    head = "window,valid_from,valid_to,start_utc,end_utc,weekdays,timezone,holidays,recorded_on,note\n"

    def open_at(hours: str, end: str = "", holidays: str = "", note: str = "") -> Held:
        row = f"peak,2026-01-01,{end},{hours},1234567,UTC,{holidays},2026-01-01,{note}\n"
        return tables(*BASIC, windows_csv=head + row)

    before = open_at("01:00,04:00")
    assert against(before, open_at("01:00,04:00", end="2026-06-05")) == []
    assert against(before, open_at("01:00,04:00", holidays="2027-01-01")) == []
    assert against(before, open_at("02:00,04:00")) == ["CA216"]
    assert against(before, open_at("01:00,04:00", end="2026-02-01")) == ["CA216"]
    assert against(before, open_at("01:00,04:00", holidays="2026-02-01")) == ["CA216"]
    assert against(before, open_at("01:00,04:00", holidays="2026-02-01", note="Corrects the holidays.")) == []


def test_a_negotiated_price_is_not_compared_with_the_list(tmp_path: Path):
    (tmp_path / "acme").mkdir()
    row = price("m,output,1,mtok,2026-02-01,")
    (tmp_path / "acme" / "prices.csv").write_text(f"{PRICES}\n{row}\n", "utf-8")
    assert judge_tables(tables(*BASIC), [tmp_path]).violations == ()
    assert codes(tables(*BASIC, row)) == ["CA302"]


def test_an_overlay_has_suppressions_of_its_own(tmp_path: Path):
    (tmp_path / "acme").mkdir()
    row = price("m,input,0,mtok,2026-02-01,")
    (tmp_path / "acme" / "prices.csv").write_text(f"{PRICES}\n{row}\n", "utf-8")
    assert [v.code for v in judge_tables(tables(*BASIC), [tmp_path]).violations] == ["CA305", "CA314"]
    own = suppressing(code="CA305", subject="*", reason="Ours.") + suppressing(
        code="CA314", subject="*", reason="Ours."
    )
    (tmp_path / "suppressions.toml").write_text(own, "utf-8")
    assert judge_tables(tables(*BASIC), [tmp_path]).violations == ()


def test_a_base_that_cannot_be_read_is_said_to_be_the_base():
    base = load_base(tables(price("m,input,x,mtok,2026-01-01,"), BASIC[1]))
    checked = judge_tables(tables(*BASIC), terms=CheckTerms(base=base, now=NOW))
    assert checked.unreadable
    assert checked.violations[0].message.startswith("in the base: ")


# --- suppressions --------------------------------------------------------------------------------------

DEAR = (price("m,input,2,mtok,2026-01-01,"), price("m,output,1,mtok,2026-01-01,"))


def suppressing(**cells: str) -> str:
    return "[[suppressions]]\n" + "".join(f'{name} = "{value}"\n' for name, value in cells.items())


@pytest.mark.parametrize(
    ("subject", "hides"),
    [
        ("acme/m/output@2026-01-01", True),
        ("acme/m/*", True),
        ("*/output@*", True),
        ("acme/m/output", False),
        ("acme/m/input@*", False),
        ("acme.m.output@2026.01.01", False),
        ("acme/m/outpu?@2026-01-01", False),
        ("acme/m/outpu[t]@2026-01-01", False),
    ],
)
def test_a_suppression_hides_what_its_subject_fits(subject: str, hides: bool):
    text = suppressing(code="CA302", subject=subject, reason="A classifier.")
    checked = judge_tables(tables(*DEAR, suppressions_toml=text))
    assert [v.code for v in checked.violations] == ([] if hides else ["CA302", "CA114"])
    assert [s.suppression.reason for s in checked.suppressed] == (["A classifier."] if hides else [])


def test_the_stars_of_a_suppression_are_no_explosion():
    stars = Suppression("CA302", "*a" * 40 + "b", "", "", 1)
    assert not stars.hides(Violation("", 0, "CA302", "error", "", "a" * 10_000))


def test_a_suppression_is_not_unused_when_its_rule_was_not_asked():
    text = suppressing(code="CA302", subject="acme/*", reason="A classifier.")
    book = tables(*BASIC, suppressions_toml=text)
    assert codes(book) == ["CA114"]
    assert codes(book, rules=select_rules(["CA1"])) == []
    text = suppressing(code="CA204", subject="acme/*", reason="Agreed.")
    assert codes(tables(*BASIC, suppressions_toml=text)) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (suppressing(code="CA302", subject="x"), "without reason"),
        (suppressing(code="CA302", subject="x", reason="  "), "without reason"),
        (suppressing(code="CA302", reason="y"), "without subject"),
        (suppressing(code="CA3O2", subject="x", reason="y"), "no rule 'CA3O2'"),
        (suppressing(code="CA302", subjcet="x", reason="y"), "unknown key 'subjcet'"),
        ("suppress = 1", "not a list"),
        ("[[suppressions]", "not valid TOML"),
    ],
)
def test_a_suppression_that_says_too_little_is_refused(text: str, said: str):
    book = tables(*BASIC, suppressions_toml=text)
    with pytest.raises(TableError, match=said):
        load_suppressions(book, "pricing")
    assert codes(book) == ["CA101"]


def test_what_another_source_says_can_be_suppressed_and_is_only_asked_with_one():
    book = tables(
        *BASIC, suppressions_toml=suppressing(code="CA410", subject="acme/m/*", reason="It is stale.")
    )
    said = violation(OBSERVED, BrokenAt("pricing/acme/prices.csv", 2, "acme/m/input@2026-01-01", "says 3"))
    assert codes(book) == []
    assert codes(book, against=lambda _: [said]) == []
    assert codes(book, against=lambda _: []) == ["CA114"]
    assert codes(tables(*BASIC), against=lambda _: [said]) == ["CA410"]


def test_suppressions_are_in_no_digest():
    text = suppressing(code="CA302", subject="x", reason="y")
    with_one = load_base(tables(*BASIC, suppressions_toml=text)).book.sha256
    assert with_one == load_base(tables(*BASIC)).book.sha256


# --- the registry and the command line -------------------------------------------------------------------


def test_codes_are_in_order_in_their_families_and_said_in_full():
    assert [rule.code for rule in RULES] == sorted({rule.code for rule in RULES})
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.code[:3] in FAMILIES
        assert rule.severity in ("error", "warning")
        assert rule.why.endswith(".")
        assert rule.fix.endswith(".")
        assert rule.example


@pytest.mark.parametrize(
    ("select", "ignore", "expected"),
    [
        (["CA501"], [], {"CA501"}),
        (["ca50"], ["CA503"], {"CA501", "CA502", "CA504"}),
        (["CA50,CA4"], ["CA41", "CA40"], {"CA501", "CA502", "CA503", "CA504"}),
        ([], ["CA"], set()),
    ],
)
def test_rules_are_selected_by_the_beginning_of_their_code(
    select: list[str], ignore: list[str], expected: set[str]
):
    assert {rule.code for rule in select_rules(select, ignore)} == expected


def test_a_word_that_no_code_begins_with_is_refused(run: Run):
    with pytest.raises(UsageError, match="--ignore 'CB3'"):
        select_rules([], ["CB3"])
    outcome = run("pricing", "check", "--select", "CA39")
    assert (outcome.code, outcome.out) == (2, "")
    assert "no rule begins so" in outcome.err


@pytest.mark.parametrize("word", ["CA303", "ca303", "unexplained-jump"])
def test_a_rule_is_explained_by_code_or_name(run: Run, word: str):
    outcome = run("pricing", "explain", word, columns=80)
    assert outcome.code == 0
    assert outcome.out.startswith("CA303 unexplained-jump (error)\n  why")
    assert max(map(len, outcome.out.splitlines())) <= 80


def test_all_rules_are_listed_and_an_unknown_one_is_refused(run: Run):
    listed = run("pricing", "explain").out
    assert all(f"  {rule.code}  {rule.severity}" in listed for rule in RULES)
    told = json.loads(run("pricing", "explain", "--format", "json").out)["rules"]
    assert [rule["code"] for rule in told] == [rule.code for rule in RULES]
    outcome = run("pricing", "explain", "CA333")
    assert (outcome.code, outcome.out) == (2, "")
    assert "did you mean" in outcome.err
    with pytest.raises(UsageError):
        rule_named("")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A book on disk, with an output price below that of input."""
    place = tmp_path / "tables"
    for path in tables(*DEAR).rglob("*"):
        if path.is_file():
            target = place / path.relative_to(tables(*DEAR))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return place


def test_check_ends_with_1_for_an_error_and_0_without(run: Run, folder: Path):
    outcome = run("pricing", "check", folder)
    assert outcome.code == 1
    assert f"{folder}/acme/prices.csv:3: CA302 error: " in outcome.out
    assert "costaudit pricing explain CA302 says more" in outcome.out
    assert run("pricing", "check", folder, "--ignore", "CA302").code == 0
    told = json.loads(run("pricing", "check", folder, "--format", "json").out)
    assert (told["verdict"], told["exit_code"], told["violations"][0]["code"]) == ("failed", 1, "CA302")


def test_check_of_what_cannot_be_read_ends_with_2(run: Run, folder: Path):
    (folder / "acme" / "prices.csv").write_bytes(b"model,class\n\xff\n")
    assert run("pricing", "check", folder).code == 2
    told = json.loads(run("pricing", "check", folder / "nowhere", "--format", "json").out)
    assert (told["verdict"], told["exit_code"]) == ("invalid", 2)


def test_check_writes_its_answer_to_a_file(run: Run, folder: Path, tmp_path: Path):
    outcome = run("pricing", "check", folder, "-o", tmp_path / "answer.txt")
    assert (outcome.code, outcome.out) == (1, "")
    assert "CA302" in (tmp_path / "answer.txt").read_text("utf-8")


def test_a_policy_of_ones_own_must_have_prices(run: Run, folder: Path, tmp_path: Path):
    policy = tmp_path / "policy.toml"
    policy.write_text(
        'schema = "costaudit/policy@1"\nname = "own"\n[[tiers]]\ntier = 0\n'
        'candidates = ["acme/m", "acme/gone"]\n',
        "utf-8",
    )
    outcome = run("pricing", "check", folder, "--ignore", "CA302", "--policy", policy, "--at", "2026-06-01")
    assert outcome.code == 1
    assert "policy.toml:5: CA501 error: acme/gone is no model" in outcome.out


def test_whatever_a_policy_may_send_a_request_to_must_have_a_price(run: Run, folder: Path, tmp_path: Path):
    policy = tmp_path / "policy.toml"
    policy.write_text(
        'schema = "costaudit/policy@1"\nname = "own"\n[[rules]]\nfeatures = ["search*"]\n'
        'candidates = ["acme/ruled"]\n[[tiers]]\ntier = 0\ncandidates = ["acme/m"]\n'
        'fallbacks = ["acme/fallen"]\n'
        'verification = { model = "acme/verifier", output_tokens = 10 }\n',
        "utf-8",
    )
    outcome = run("pricing", "check", folder, "--select", "CA501", "--policy", policy, "--at", "2026-06-01")
    assert [line.partition("error: ")[2].partition(" is")[0] for line in outcome.out.splitlines()[:3]] == [
        "acme/ruled", "acme/fallen", "acme/verifier",
    ]  # fmt: skip
    assert "policy.toml:5: CA501" in outcome.out
