"""Evals files: what holds for a request, how names meet, and what is wrong where."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.errors import ConfigError
from costaudit.prices.resolver import Resolver
from costaudit.routing.evals import Evals, PassRate, load_evals, named
from tests.conftest import ROOT
from tests.engine.audits import book

MINI, FLASH = "openai/gpt-4o-mini-2024-07-18", "google/gemini-2.5-flash"


def load(folder: Path, text: str, name: str = "evals.csv") -> Evals:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return load_evals(path)


def in_book(evals: Evals) -> Evals:
    return named(evals, book(), Resolver(book()))


SCOPES = """model,tier,task,passes,trials
a/x,,,50,100
a/x,1,,60,100
a/x,,chat*,70,100
a/x,,chat_v*,80,100
a/x,,chat_v2,90,100
b/y,2,,99,100
"""


@pytest.mark.parametrize(
    ("tier", "feature", "passes"),
    [
        (0, None, 50),
        (None, None, 50),
        (None, "other", 50),
        (1, None, 60),
        (1, "other", 60),
        (1, "chat", 70),
        (0, "chatter", 70),
        (1, "chat_v1", 80),
        (1, "chat_v2", 90),
        (1, "Chat_v2", 60),  # features are told apart by case
    ],
)
def test_the_most_specific_result_holds(tmp_path: Path, tier, feature, passes):
    assert load(tmp_path, SCOPES).rate("a/x", tier, feature) == PassRate(passes, 100)


@pytest.mark.parametrize(("model", "tier"), [("b/y", 1), ("b/y", None), ("c/z", 2)])
def test_where_nothing_is_stated_there_is_no_rate(tmp_path: Path, model, tier):
    assert load(tmp_path, SCOPES).rate(model, tier, "chat") is None


def test_a_set_in_a_glob_is_less_specific_than_letters(tmp_path: Path):
    text = "model,task,passes,trials\na/x,run[abcdefgh]*,1,9\na/x,runa*,2,9\na/x,*,3,9\n"
    assert load(tmp_path, text).rate("a/x", 0, "runa1") == PassRate(2, 9)
    assert load(tmp_path, text).rate("a/x", 0, "runb1") == PassRate(1, 9)
    assert load(tmp_path, text).rate("a/x", 0, "walk") == PassRate(3, 9)


AS_CSV = "model,tier,passes,trials,date,source\ngpt-4o-mini,1,9,10,2026-11-01,ours\n"
AS_JSON = (
    '{"model": "gpt-4o-mini", "tier": 1, "passes": 9, "trials": 10, "date": "2026-11-01", "source": "ours"}\n'
)
AS_TOML = """schema = "costaudit/evals@1"
[[evals]]
model = "gpt-4o-mini"
tier = 1
passes = 9
trials = 10
date = 2026-11-01
source = "ours"
"""


def test_the_three_formats_say_the_same(tmp_path: Path):
    read = [
        load(tmp_path, AS_CSV),
        load(tmp_path, "\ufeff" + AS_CSV.replace(",", ";").replace("\n", "\r\n"), "a spreadsheet.CSV"),
        load(tmp_path, "\n" + AS_JSON + "\n", "evals.jsonl"),
        load(tmp_path, AS_TOML, "evals.toml"),
        load(tmp_path, AS_TOML.replace("2026-11-01", '"2026-11-01"'), "evals.toml"),
    ]
    seen = {(e.model, e.tier, e.task, e.passes, e.trials, e.date, e.source) for r in read for e in r.entries}
    assert seen == {("gpt-4o-mini", 1, None, 9, 10, "2026-11-01", "ours")}
    assert [r.entries[0].line for r in read] == [2, 2, 2, 2, 2]


def test_absent_and_null_are_the_same_in_json(tmp_path: Path):
    text = '{"model": "a/x", "tier": null, "task": null, "passes": 9, "trials": 10, "date": null}\n'
    assert load(tmp_path, text, "e.jsonl").rate("a/x", 2, "any") == PassRate(9, 10)


def test_aliases_of_a_model_meet_under_its_name_in_the_book(tmp_path: Path):
    text = "model,date,passes,trials\n" + "".join(
        f"{name},2026-11-0{day},9,10\n"
        for day, name in enumerate(
            ["gpt-4o-mini", "openai/gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini", "OpenAI/GPT-4o-mini"], 1
        )
    )
    found = in_book(load(tmp_path, text))
    assert found.models == (MINI,)
    assert found.rate(MINI, 0, None) == PassRate(36, 40)
    assert found.unmatched == ()


def test_a_model_that_the_book_does_not_have_is_named_and_not_dropped_silently(tmp_path: Path):
    text = "model,passes,trials\ngpt-4o-mini,9,10\ngpt-4o-mnii,9,10\nhouse-model,1,1\n"
    found = in_book(load(tmp_path, text))
    assert found.models == (MINI,)
    assert [(u.model, u.line) for u in found.unmatched] == [("gpt-4o-mnii", 3), ("house-model", 4)]
    assert "did you mean" in found.unmatched[0].detail


def test_results_of_other_dates_or_sources_add_up(tmp_path: Path):
    text = (
        "model,tier,passes,trials,date,source\n"
        "a/x,1,9,10,2026-11-01,ours\na/x,1,8,10,2026-11-02,ours\na/x,1,7,10,2026-11-02,theirs\n"
    )
    assert load(tmp_path, text).rate("a/x", 1, None) == PassRate(24, 30)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a/x,1,9,10,2026-11-01,\n\na/x,1,8,10,2026-11-01,\n", r":4: .*'a/x' for tier 1 again.*of line 2"),
        ("a/x,,9,10,,ours\na/x,,9,10,,ours\n", r":3: .*'a/x' for everything again"),
    ],
)
def test_a_result_that_stands_there_twice_is_refused(tmp_path: Path, text, said):
    with pytest.raises(ConfigError, match=said):
        load(tmp_path, "model,tier,passes,trials,date,source\n" + text)


def test_two_names_of_a_model_with_the_same_result_are_refused_too(tmp_path: Path):
    text = "model,task,passes,trials\ngpt-4o-mini,t,9,10\nopenai/gpt-4o-mini-2024-07-18,t,9,10\n"
    with pytest.raises(ConfigError, match=r":3: .*gpt-4o-mini-2024-07-18' for task 't' again"):
        in_book(load(tmp_path, text))


HEAD = "model,passes,trials\n"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("e.csv", "model,pases,trials\n", r"e\.csv:1: unknown column 'pases' \(did you mean 'passes'"),
        ("e.csv", "model,passes,trials,zzz\n", r"e\.csv:1: unknown column 'zzz' \(known: model, tier"),
        ("e.csv", "model,passes\n", r"e\.csv:1: has no 'trials'"),
        ("e.csv", "model,passes,trials,passes\n", r"e\.csv:1: two columns 'passes'"),
        ("e.csv", "", r"e\.csv:1: unknown column|e\.csv:1: has no 'model'"),
        ("e.csv", HEAD, r"e\.csv: holds no results"),
        ("e.csv", HEAD + "a/x,1,2,3\n", r"e\.csv:2: has 4 cells, the header has 3"),
        ("e.csv", HEAD + "a/x,11,10\n", r"e\.csv:2: 11 passes of 10 trials"),
        ("e.csv", HEAD + "a/x,0,0\n", r"e\.csv:2: trials is 0"),
        ("e.csv", HEAD + "a/x,1,99999999\n", r"e\.csv:2: trials is 99999999, not between"),
        ("e.csv", HEAD + "a/x,-1,10\n", r"e\.csv:2: passes is '-1', not a whole number"),
        ("e.csv", HEAD + "a/x,0.9,10\n", r"e\.csv:2: passes is '0\.9', not a whole number"),
        ("e.csv", HEAD + "a/x,,10\n", r"e\.csv:2: passes is empty"),
        ("e.csv", HEAD + ",1,10\n", r"e\.csv:2: model is empty"),
        ("e.csv", HEAD + 'a/x,"1,10\n', r"e\.csv:2: not valid CSV"),
        ("e.csv", "model,tier,passes,trials\na/x,4,1,2\n", r"e\.csv:2: tier is 4"),
        ("e.csv", "model,tier,task,passes,trials\na/x,1,t,1,2\n", r"e\.csv:2: states a tier and a task"),
        ("e.csv", "model,date,passes,trials\na/x,2026-13-01,1,2\n", r"e\.csv:2: date is '2026-13-01'"),
        ("e.csv", "model,date,passes,trials\na/x,20261101,1,2\n", r"e\.csv:2: date is '20261101'"),
        ("e.jsonl", AS_JSON + "{\n", r"e\.jsonl:2: not valid JSON"),
        ("e.jsonl", "[]\n", r"e\.jsonl:1: is no object"),
        ("e.jsonl", '{"model": "a", "passes": true, "trials": 2}', r"e\.jsonl:1: passes is True, not a"),
        ("e.jsonl", '{"model": "a", "passes": 1.0, "trials": 2}', r"e\.jsonl:1: passes is 1\.0, not a whole"),
        ("e.jsonl", '{"model": 3, "passes": 1, "trials": 2}', r"e\.jsonl:1: model is 3, not a text"),
        ("e.jsonl", '{"model": "a", "pass": 1, "trials": 2}', r"e\.jsonl:1: unknown column 'pass' \(did you"),
        ("e.toml", "x = ", r"e\.toml:1: not valid TOML"),
        ("e.toml", "[[eval]]\n", r"e\.toml: unknown key 'eval' \(did you mean 'evals'"),
        ("e.toml", 'schema = "costaudit/evals@2"\n', r"schema is 'costaudit/evals@2'"),
        ("e.toml", "evals = 3\n", r"e\.toml: evals must be an array"),
        ("e.toml", AS_TOML + '\n[[evals]]\nmodel = "a/x"\npasses = 3\n', r"e\.toml:10: has no 'trials'"),
        ("e.toml", "evals = [{model = 'a', passes = 3, trials = 2}]", r"e\.toml: 3 passes of 2 trials"),
        ("e.txt", AS_CSV, r"e\.txt: not known what this is \(name it \.csv, "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_and_line(tmp_path: Path, name, text, said):
    with pytest.raises(ConfigError, match=said):
        load(tmp_path, text, name)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"none\.csv: cannot be read: No such file"):
        load_evals(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(b"model,passes,trials\n\xff,1,2\n")
    with pytest.raises(ConfigError, match=r"latin\.csv:2: is not UTF-8"):
        load_evals(tmp_path / "latin.csv")


def test_terminal_escapes_of_a_file_do_not_reach_the_error(tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, "model,passes,trials,\x1b[31mred\n")
    assert "\x1b" not in str(caught.value)


ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(["a/x", "b/y"]),
        st.sampled_from([(None, None), (0, None), (1, None), (None, "chat"), (None, "c*"), (None, "*")]),
        st.integers(0, 50),
        st.integers(1, 50),
    ),
    min_size=1,
    max_size=12,
)


@given(ENTRIES)
def test_every_trial_of_a_scope_counts_once_whatever_the_order(tmp_path_factory, entries):
    folder = tmp_path_factory.getbasetemp()
    lines = [
        json.dumps({
            "model": model, "tier": tier, "task": task, "passes": min(passes, trials), "trials": trials,
            "source": str(place),
        })
        for place, (model, (tier, task), passes, trials) in enumerate(entries)
    ]  # fmt: skip
    forwards = load(folder, "\n".join(lines), "e.jsonl")
    backwards = load(folder, "\n".join(reversed(lines)), "e.jsonl")
    for model in ("a/x", "b/y"):
        for tier in (0, 1, 2, None):
            for feature in (None, "chat", "cat", "dog"):
                assert forwards.rate(model, tier, feature) == backwards.rate(model, tier, feature)
        whole = [e for e in entries if e[0] == model and e[1] == (None, None)]
        rate = forwards.rate(model, 3, None)
        assert (rate.trials if rate else 0) == sum(trials for *_, trials in whole)


def test_the_example_file_is_read_and_its_models_are_in_the_book():
    evals = in_book(load_evals(ROOT / "docs/examples/evals.csv"))
    assert evals.unmatched == ()
    assert evals.rate(MINI, 1, "tagging") == PassRate(354, 365)
    assert evals.rate(MINI, 1, "claims_decision") == PassRate(190, 200)
    assert evals.rate(FLASH, 2, None) == PassRate(95, 100)


def test_every_figure_of_the_page_is_computed():
    page = (ROOT / "docs/evals.md").read_text("utf-8")
    bounds = re.findall(r"^\| ([\d,]+) of ([\d,]+) \| ([\d.]+)% \| ([\d.]+)% \|$", page, re.MULTILINE)
    assert len(bounds) >= 6
    for passes, trials, point, bound in bounds:
        rate = PassRate(int(passes.replace(",", "")), int(trials.replace(",", "")))
        assert Decimal(point) == Decimal(rate.point) / 100
        assert Decimal(bound) == (rate.lower() * 100).quantize(Decimal("0.01"), "ROUND_FLOOR")
    sizes = re.findall(r"^\| ([\d.]+) \| ([\d.]+) \| ([\d,]+) \|$", page, re.MULTILINE)
    assert len(sizes) >= 6
    for floor, rate, trials in sizes:
        number = int(trials.replace(",", ""))
        share = Decimal(rate)
        assert PassRate(math.floor(share * number), number).meets(Decimal(floor))
        fewer = [PassRate(math.floor(share * n), n) for n in range(1, number)]
        assert not any(r.passes and r.meets(Decimal(floor)) for r in fewer)
