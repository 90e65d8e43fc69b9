"""`costaudit shadow compare`: figures by hand, pairs, outcomes, and what it warns of."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest

from costaudit.contracts import json_schema
from tests.questions.shadow.logs import call, varied, write_log
from tests.render.factory import HOSTILE

SAMPLES = Path(__file__).resolve().parents[3] / "sample_logs"


def compared(run, *argv):
    outcome = run("shadow", "compare", *argv, "--format", "json", "-q")
    assert (outcome.code, outcome.err) == (0, "")
    report = json.loads(outcome.out)
    jsonschema.validate(report, json_schema("shadow-comparison"))
    return report


@pytest.fixture
def arms(tmp_path):
    """The same 280 requests over 14 days on gpt-4o and on gpt-4o-mini, which is 94 % cheaper."""
    a = write_log(tmp_path / "a.jsonl", varied(14, 20))
    b = write_log(tmp_path / "b.jsonl", varied(14, 20, model="gpt-4o-mini"))
    return a, b


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize(
    "field",
    ["model=mistral-large-2512,mistral-large-4", "user_tier=free,enterprise"],
    ids=["model", "user tier"],
)
def test_the_comparison_is_as_before(run, field, columns, snapshot, monkeypatch):
    monkeypatch.chdir(SAMPLES.parent)
    outcome = run(
        "shadow", "compare", "sample_logs/platform_month.parquet", "--arm-field", field, columns=columns
    )
    assert outcome.code == 0
    assert all(len(line) <= columns for line in outcome.out.splitlines())
    assert outcome.out == snapshot


def test_paired_arms_as_before(run, arms, tmp_path, snapshot, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcomes = tmp_path / "passes.csv"
    rows = [(f"r{n}", arm, int(n % (17 if arm == "a" else 13) > 0)) for n in range(280) for arm in "ab"]
    outcomes.write_text("request_id,arm,pass\n" + "".join(f"{i},{a},{p}\n" for i, a, p in rows))
    assert (
        run("shadow", "compare", "a.jsonl", "b.jsonl", "--outcomes", "passes.csv", columns=80).out == snapshot
    )


def test_costs_are_those_of_the_audit(run):
    names = ("platform_month.parquet", "litellm_gateway.jsonl.gz")
    report = compared(run, *(SAMPLES / name for name in names))
    for arm, name in zip("ab", names, strict=True):
        audit = json.loads(run("analyze", SAMPLES / name, "--format", "json", "-q").out)
        assert report[arm]["cost_usd"] == audit["spend"]["list_usd"]
        assert report[arm]["requests"] == audit["spend"]["requests"]
        assert report[arm]["log"]["duplicates"] == audit["inputs"]["duplicates"]


def test_cost_by_hand(run, tmp_path):
    # gpt-4o: 1000 in, 100 out is $0.0035; gpt-4o-mini: $0.00021. One of four of A failed and was billed.
    a = [call(n, 1, status="error" if n == 0 else "ok") for n in range(4)]
    b = [call(n, 1, model="gpt-4o-mini") for n in range(5)]
    report = compared(run, write_log(tmp_path / "a.jsonl", a), write_log(tmp_path / "b.jsonl", b))
    assert Decimal(report["a"]["cost_usd"]) == Decimal("0.014")
    assert Decimal(report["a"]["usd_per_request"]) == Decimal("0.0035")
    assert Decimal(report["a"]["usd_per_success"]) == Decimal("0.004666666667")
    assert report["a"]["failures"] == 1
    assert report["contrast"]["cost_ratio"]["point"] == 0.06
    assert report["contrast"]["cost_ratio"]["low"] is None
    assert "Cost: too few days or requests for an interval." in report["open"]


def test_the_same_requests_are_paired_by_id(run, arms):
    paired = compared(run, *arms)["paired"]
    assert (paired["by"], paired["pairs"], paired["share_a"]) == ("request id", 280, 1.0)
    assert paired["cost_ratio"] == {"point": 0.06, "low": 0.06, "high": 0.06}


@pytest.mark.parametrize(
    ("change", "by"),
    [
        (lambda c: {**c, "request_id": f"s-{c['request_id']}", "parent_id": c["request_id"]}, "parent id"),
        (lambda c: {k: v for k, v in c.items() if k != "request_id"}, "prompt"),
    ],
)
def test_the_same_requests_are_paired_by_other_means(run, tmp_path, change, by):
    calls = [{**c, "prompt": f"question {n}"} for n, c in enumerate(varied(8, 10))]
    a = write_log(tmp_path / "a.jsonl", calls)
    b = write_log(tmp_path / "b.jsonl", [change({**c, "model": "gpt-4o-mini"}) for c in calls])
    assert compared(run, a, b)["paired"]["by"] == by
    assert "question" not in run("shadow", "compare", a, b, "--format", "json").out


def test_arms_of_one_log_may_share_request_ids(run, arms, tmp_path):
    both = [json.loads(line) for path in arms for line in path.read_text().splitlines()]
    for c in both:
        c["tags"] = ["env:prod", "arm:" + ("old" if c["model"] == "gpt-4o" else "new")]
    one = write_log(tmp_path / "both.jsonl", both)
    split, whole = compared(run, *arms), compared(run, one, "--arm-field", "tags:arm=old,new")
    assert whole["contrast"] == split["contrast"]
    assert whole["paired"] == split["paired"]
    assert whole["a"]["name"] == "old"


def test_order_makes_no_difference(run, arms, tmp_path):
    lines = [path.read_text().splitlines(keepends=True) for path in arms]
    shuffled = []
    for number, own in enumerate(lines):
        random.Random(number).shuffle(own)  # noqa: S311
        shuffled.append(tmp_path / f"{'ab'[number]}2.jsonl")
        shuffled[-1].write_text("".join(own))
    one, two = compared(run, *arms), compared(run, *shuffled)
    for report in (one, two):
        for arm in "ab":
            report[arm].pop("name")
    assert one == two


def test_swapped_arms_give_the_inverse(run, arms):
    one, two = compared(run, *arms)["contrast"], compared(run, *reversed(arms))["contrast"]
    assert one["cost_ratio"]["point"] * two["cost_ratio"]["point"] == pytest.approx(1, rel=1e-4)
    assert one["failure_difference"]["low"] == -two["failure_difference"]["high"]


def test_outcomes_decide_what_passes(run, arms, tmp_path):
    # Of the first 100 requests A passes 95 and B 85; 83 pass both, 12 just A, 2 just B, 3 neither.
    passes = [(1, 1)] * 83 + [(1, 0)] * 12 + [(0, 1)] * 2 + [(0, 0)] * 3
    file = tmp_path / "passes.jsonl"
    rows = [
        {"request_id": f"r{n}", "arm": arm, "pass": value}
        for n, pair in enumerate(passes)
        for arm, value in zip("AB", pair, strict=True)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = compared(run, *arms, "--outcomes", file)
    assert (report["a"]["passes"], report["b"]["passes"], report["a"]["judged"]) == (95, 85, 100)
    paired = report["paired"]
    assert [paired[k] for k in ("both", "only_a", "only_b", "neither")] == [83, 12, 2, 3]
    # 2 (C(14,0) + C(14,1) + C(14,2) / 2) / 2^14 = 2 (1 + 14 + 45.5) / 16384
    assert paired["mcnemar_mid_p"] == pytest.approx(121 / 16384, abs=1e-6)
    assert any(
        line.startswith("B passes 10.0 points less often than A over the same") for line in report["shown"]
    )


@pytest.mark.parametrize(("b_passes", "kept"), [(280, True), (272, False)])
def test_a_margin_is_kept_or_left_open(run, arms, tmp_path, b_passes, kept):
    # A passes 276 of 280. Four more is at least no worse; four fewer is 1.4 points, and may well be 3.
    file = tmp_path / "passes.csv"
    rows = [(n, arm, int(n < good)) for arm, good in (("a", 276), ("b", b_passes)) for n in range(280)]
    file.write_text("request_id,arm,pass\n" + "".join(f"r{n},{arm},{p}\n" for n, arm, p in rows))
    report = compared(run, *arms, "--outcomes", file)
    said = [line for line in report["shown"] if "2.0 points less often" in line or "more often" in line]
    assert bool(said) == kept
    assert any("cannot be excluded" in line for line in report["open"]) != kept


def test_quality_is_not_guessed(run, arms):
    report = compared(run, *arms)
    assert report["a"]["pass_rate"] is None
    assert any(line.startswith("Quality: nothing says") for line in report["open"])


# Warnings


def test_few_days_other_days_and_no_times(run, arms, tmp_path):
    short = write_log(tmp_path / "short.jsonl", varied(3, 20))
    late = write_log(
        tmp_path / "late.jsonl", [{**c, "timestamp": "2025-04-01T00:00:00Z"} for c in varied(1, 40)]
    )
    undated = write_log(
        tmp_path / "undated.jsonl", [{k: v for k, v in c.items() if k != "timestamp"} for c in varied(1, 40)]
    )
    assert any("Fewer than 7 days (3" in w for w in compared(run, arms[0], short)["warnings"])
    assert any("did not run on the same days" in w for w in compared(run, arms[0], late)["warnings"])
    assert any("40 requests have no time" in w for w in compared(run, arms[0], undated)["warnings"])
    assert compared(run, *arms)["warnings"] == []


def test_another_mix_is_told_and_compared_within_features(run, tmp_path):
    # The dear feature costs ten times as much in both arms, and is 10 % of A and 50 % of B.
    def log(name, dear):
        calls = varied(14, 40)
        for number, c in enumerate(calls):
            is_dear = number % 10 < dear
            c |= {"feature": "dear" if is_dear else "cheap", "input_tokens": 5000 if is_dear else 500}
            c["output_tokens"] = 100 if is_dear else 10
            c["request_id"] = f"{name}-{number}"
        return write_log(tmp_path / f"{name}.jsonl", calls)

    report = compared(run, log("a", 1), log("b", 5))
    assert any("different mixes of features: 40%" in w for w in report["warnings"])
    assert any("Requests differ in size" in w for w in report["warnings"])
    assert report["contrast"]["cost_ratio"]["point"] == pytest.approx(5.5 / 1.9, abs=1e-6)
    assert report["strata"]["cost_ratio"]["point"] == pytest.approx(1)
    assert {f["feature"]: f["cost_ratio"]["point"] for f in report["strata"]["features"]} == {
        "dear": 1,
        "cheap": 1,
    }
    assert not any("more per request" in line for line in report["shown"])


def test_other_prices_in_force_are_told(run):
    # sample_logs: the price of mistral-large-4 changed on 20 and 29 October.
    argv = (SAMPLES / "platform_month.parquet", "--arm-field", "model=mistral-large-2512,mistral-large-4")
    report = compared(run, *argv)
    assert any(
        "mistral-large-4 changed within B (on 2026-10-20, 2026-10-29)" in w for w in report["warnings"]
    )
    fixed = compared(run, *argv, "--prices-at", "2026-10-30")
    assert not any("changed within" in w for w in fixed["warnings"])


def test_the_same_model_at_two_prices_is_told(run, tmp_path):
    arms = []
    for name, first in (("a", 12), ("b", 20)):
        calls = [
            {**c, "provider": "mistral", "timestamp": f"2026-10-{first + n // 10}T12:00:00Z"}
            for n, c in enumerate(varied(8, 10, model="mistral-large-4"))
        ]
        arms.append(write_log(tmp_path / f"{name}.jsonl", calls))
    (warning,) = [w for w in compared(run, *arms)["warnings"] if "other prices" in w]
    assert "other prices in A (from 2026-10-11) than in B (from 2026-10-20)" in warning
    assert compared(run, *arms, "--prices-at", "2026-10-25")["contrast"]["cost_ratio"]["point"] == 1


def test_unpriced_requests_are_told_and_not_free(run, tmp_path, arms):
    odd = write_log(tmp_path / "odd.jsonl", varied(14, 20, model="acme-9"))
    report = compared(run, arms[0], odd)
    assert report["b"]["cost_usd"] is None
    assert report["contrast"]["cost_ratio"] is None
    assert any("280 of 280 requests of B have no price" in w for w in report["warnings"])


def test_reported_costs_can_be_compared(run, tmp_path):
    a = write_log(tmp_path / "a.jsonl", varied(7, 10, model="acme-9", cost_usd=0.02))
    b = write_log(tmp_path / "b.jsonl", varied(7, 10, model="acme-8", cost_usd=0.01))
    report = compared(run, a, b, "--cost", "reported")
    assert report["contrast"]["cost_ratio"] == {"point": 0.5, "low": 0.5, "high": 0.5}
    assert Decimal(report["a"]["cost_usd"]) == Decimal("1.4")


# Trouble


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column for a request id"),
        ("request_id,score\nr1,1\n", "no column for a pass"),
        ("request_id,pass\nr1,maybe\n", ":2: the pass is not 0 or 1"),
        ("request_id,pass\nr1,1\nr1,0\n", ":3: this request has two outcomes"),
        ("request_id,pass\n,1\n", ":2: has no request id"),
        ("request_id,pass,arm\nr1,1,c\n", ":2: the arm is not a or b"),
        ('{"request_id": "r1", "pass": 1}\n{"request_id"\n', ":2: is not a JSON object"),
        ("request_id,pass\n", "holds no outcomes"),
        ("request_id,pass\nzz,1\n", "no outcome is of a request"),
        ("request_id,pass\nr1,1\n", "add a column arm"),
    ],
)
def test_outcomes_that_cannot_be_used(run, arms, tmp_path, text, said):
    file = tmp_path / "passes.csv"
    file.write_text(text)
    outcome = run("shadow", "compare", *arms, "--outcomes", file)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("a.jsonl",), "two logs are compared"),
        (("a.jsonl", "b.jsonl", "c.jsonl"), "two logs are compared"),
        (("a.jsonl", "--arm-field", "model"), "does not name two arms"),
        (("a.jsonl", "--arm-field", "model=x,x"), "does not name two arms"),
        (("a.jsonl", "--arm-field", "modle=x,y"), "did you mean 'model'"),
        (("a.jsonl", "--arm-field", "model=gpt-4o,gpt-9"), "no request has model 'gpt-9'"),
        (("a.jsonl", "nothing.jsonl"), "no such file"),
        (("a.jsonl", "broken.jsonl"), "no request could be read"),
        (("a.jsonl", "b.jsonl", "--margin", "-1"), "--margin must be more than 0"),
        (("a.jsonl", "b.jsonl", "--cost", "billed"), "unknown cost"),
    ],
)
def test_arms_that_cannot_be_read(run, arms, tmp_path, monkeypatch, argv, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.jsonl").write_text('{"a": 1}\n{"b"\n')
    outcome = run("shadow", "compare", *argv, "-q")
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err


def test_a_bad_line_is_told_and_hides_nothing(run, arms):
    arms[1].write_text(arms[1].read_text() + "{oops\n")
    outcome = run("shadow", "compare", *arms)
    assert outcome.code == 0
    assert "b.jsonl:281" in outcome.err
    assert compared(run, *arms)["b"]["log"]["skipped"] == 1


def test_names_from_logs_are_harmless(run, tmp_path):
    logs = []
    for arm in "ab":
        calls = varied(7, 40 * len(HOSTILE))
        for number, c in enumerate(calls):
            c["feature"] = HOSTILE[number % len(HOSTILE)]
        logs.append(write_log(tmp_path / f"{arm}.jsonl", calls))
    for columns in (60, 80):
        out = run("shadow", "compare", *logs, columns=columns).out
        assert not [char for char in out if char != "\n" and not char.isprintable()]
    assert run("shadow", "plan", logs[0], columns=80).out.isascii() is False
