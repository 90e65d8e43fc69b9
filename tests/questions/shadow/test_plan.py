"""`costaudit shadow plan`: what it measures in a log, and what it says."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from costaudit.contracts import json_schema
from tests.questions.shadow.logs import call, write_log

SAMPLES = Path(__file__).resolve().parents[3] / "sample_logs"
PLATFORM = SAMPLES / "platform_month.parquet"


def planned(run, *argv):
    outcome = run("shadow", "plan", *argv, "--format", "json", "-q")
    assert (outcome.code, outcome.err) == (0, "")
    report = json.loads(outcome.out)
    jsonschema.validate(report, json_schema("shadow-plan"))
    return report


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize(
    "argv",
    [
        ("--base-pass", "0.90", "--requests-per-day", "1000", "--non-inferiority"),
        ("--unpaired",),
        (str(PLATFORM.relative_to(SAMPLES.parent)), "--sequential"),
        (str(PLATFORM.relative_to(SAMPLES.parent)), "--feature", "faq_bot", "--paired", "--psi", "0.15"),
    ],
    ids=["rate given", "sizes only", "log", "one feature"],
)
def test_the_plan_is_as_before(run, argv, columns, snapshot, monkeypatch):
    monkeypatch.chdir(SAMPLES.parent)
    outcome = run("shadow", "plan", *argv, columns=columns)
    assert outcome.code == 0
    assert all(len(line) <= columns for line in outcome.out.splitlines())
    assert outcome.out == snapshot


def test_the_rate_is_requests_over_calendar_days(run, tmp_path):
    # 3 requests on the 1st, 1 on the 8th: 8 days, half a request a day; two of the four are of feature faq.
    log = write_log(
        tmp_path / "a.jsonl",
        [call(1, 1), call(2, 1), call(3, 1, feature="other"), call(4, 8, feature="other")],
    )
    report = planned(run, log)
    assert report["traffic"]["calendar_days"] == 8
    assert report["traffic"]["requests_per_day"] == 0.5
    assert [(f["traffic"]["feature"], f["traffic"]["requests_per_day"]) for f in report["by_feature"]] == [
        ("faq", 0.25),
        ("other", 0.25),
    ]
    only = planned(run, log, "--feature", "faq")
    assert only["traffic"]["requests_per_day"] == 0.25
    assert only["by_feature"] == []


def test_cost_and_its_variation_by_hand(run, tmp_path):
    # gpt-4o: 1000 in, 100 out is $0.0035; 3000 in, 100 out is $0.0085. Mean .006, deviation .0025.
    log = write_log(tmp_path / "a.jsonl", [call(1, 1), call(2, 2, input_tokens=3000)])
    traffic = planned(run, log)["traffic"]
    assert Decimal(traffic["mean_usd"]) == Decimal("0.006")
    assert traffic["cost_cv"] == pytest.approx(0.0025 / 0.006, abs=1e-6)


def test_sample_costs_vary_as_much_as_their_tokens_say(run):
    import pyarrow.parquet as pq  # noqa: PLC0415

    rows = pq.read_table(PLATFORM, filters=[("feature", "=", "moderation")]).to_pylist()
    costs = np.array([
        (r["input_tokens"] - (r["cache_read_tokens"] or 0)) * 2.5
        + (r["cache_read_tokens"] or 0) * 0.25
        + r["output_tokens"] * 15
        for r in rows
    ])  # fmt: skip
    traffic = planned(run, PLATFORM, "--feature", "moderation")["traffic"]
    assert traffic["requests"] == len(rows)
    assert traffic["cost_cv"] == pytest.approx(costs.std() / costs.mean(), abs=1e-5)


def test_repeated_records_count_once_and_order_does_not_matter(run, tmp_path):
    calls = [call(n, 1 + n % 9, input_tokens=100 * n) for n in range(1, 60)]
    once = write_log(tmp_path / "once.jsonl", calls)
    mixed = calls + calls[10:30]
    random.Random(3).shuffle(mixed)  # noqa: S311
    twice = write_log(tmp_path / "twice.jsonl", mixed)
    one, two = planned(run, once), planned(run, twice)
    assert two["log"].pop("duplicates") == 20
    assert one["log"].pop("duplicates") == 0
    assert (one["log"].pop("records"), two["log"].pop("records")) == (59, 79)
    assert one == two


def test_what_is_given_goes_before_what_is_measured(run):
    report = planned(
        run, PLATFORM, "--requests-per-day", "5000", "--cost-cv", "3", "--unpaired", "--arm", "50%"
    )
    assert report["traffic"]["requests_per_day"] == 5000
    sizes = {row["test"]: row for row in report["sizes"]}
    assert sizes["cost"]["arm_requests"] == 14_128
    assert sizes["cost"]["days"] == 7
    assert sizes["cost"]["days_needed"] == 6
    assert report["by_feature"][0]["traffic"]["requests_per_day"] == pytest.approx(3458 / 31, abs=1e-6)


def test_a_log_without_times_needs_a_rate(run, tmp_path):
    undated = [{k: v for k, v in call(n, 1).items() if k != "timestamp"} for n in range(5)]
    log = write_log(tmp_path / "a.jsonl", undated)
    outcome = run("shadow", "plan", log)
    assert outcome.code == 2
    assert "--requests-per-day" in outcome.err
    assert planned(run, log, "--requests-per-day", "100")["traffic"]["requests_per_day"] == 100


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--feature", "x"), "--feature needs a log"),
        ((PLATFORM, "--feature", "faq_bt"), "did you mean 'faq_bot'"),
        (("--sequential",), "--sequential simulates days"),
        (("--sequential", "--requests-per-day", "3"), "less than one request per day"),
        (("--base-pass", "93"), "between 0 and 1"),
        (("--drop", "nan"), "the drop must be"),
        (("--arm", "100%"), "less than 100%"),
        (("--arm", "10"), "not a percentage"),
        (("--requests-per-day", "inf"), "more than 0"),
        (("--psi", "0.01"), "like --psi 0.10"),
        (("--format", "csv"), "unknown format"),
        (("no-such.jsonl",), "no such file"),
    ],
)
def test_trouble_is_one_line_and_exit_2(run, argv, said):
    outcome = run("shadow", "plan", *argv)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_drop_beyond_the_usual_psi_still_has_a_paired_size(run):
    report = planned(run, "--drop", "30", "--paired")
    assert [row["psi"] for row in report["sizes"]] == [0.6]
