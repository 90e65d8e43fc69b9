"""`costaudit fallback`: figures by hand, an independent computation, and what must hold of any log."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import jsonschema
import pytest

from costaudit.contracts import json_schema
from tests.engine.audits import write_jsonl, write_parquet
from tests.questions.fallback.fallback_oracle import Oracle, random_log

ROOT = Path(__file__).resolve().parents[3]
HAIKU = "anthropic/claude-haiku-4-5"
FLASH = "google/gemini-2.5-flash"
MINI = "openai/gpt-4o-mini"


def call(number, hour, model="gpt-4o", provider="openai", **more):
    return {
        "request_id": f"r{number}", "timestamp": f"2025-11-10T{hour:02}:00:{number % 60:02}Z",
        "provider": provider, "model": model, "input_tokens": 1000, "output_tokens": 100, "feature": "chat",
        "status": "ok",
    } | more  # fmt: skip


def failed(number, hour, error="503", **more):
    free = {} if "input_tokens" in more else {"input_tokens": 0, "output_tokens": 0}
    return call(number, hour, status="error", error=error, **free, **more)


def report_of(run, path, *argv):
    outcome = run("fallback", path, *argv, "--format", "json", "-q")
    assert (outcome.code, outcome.err) == (0, "")
    report = json.loads(outcome.out)
    jsonschema.validate(report, json_schema("fallback"))
    return report


def chain(report, name):
    return next(row for row in report["chains"] if row["name"] == name)


@pytest.fixture
def bad_hour(tmp_path):
    """Hour 0: ten requests to gpt-4o that fail, six to haiku that do not. Hour 1: ten to gpt-4o, all good."""
    rows = [failed(n, 0) for n in range(10)]
    rows += [call(n, 0, "claude-haiku-4-5", "anthropic") for n in range(10, 16)]
    rows += [call(n, 1) for n in range(16, 26)]
    return write_jsonl(tmp_path / "log.jsonl", rows)


def test_same_again_serves_nobody_in_an_hour_in_which_everything_failed(run, bad_hour):
    report = report_of(run, bad_hour, "--chain", f"same,{HAIKU}")
    again = chain(report, "same")
    assert (again["served"], again["availability"], again["chain_usd"]) == (0, round(16 / 26, 6), "0.00")
    # Failures were free, so only haiku costs: 10 × (1000 × 1 + 100 × 5) / 1M = 0.015 for what costs 10 ×
    # (1000 × 2.5 + 100 × 10) / 1M = 0.035 on gpt-4o. Extra: -0.020 for 26 requests.
    both = chain(report, f"same,{HAIKU}")
    assert (both["served"], both["attempts"], both["availability"]) == (10, 20, 1)
    assert both["chain_usd"] == "0.015"
    assert both["usd_per_failed_request"] == "0.0015"
    assert Decimal(both["extra_usd_per_1000_requests"]) == round(Decimal("-0.020") * 1000 / 26, 12)
    # All 26 requests: 6 × 0.0015 + 10 × 0.0035 + 0.015 = 0.059.
    assert Decimal(both["usd_per_success"]) == round(Decimal("0.059") / 26, 12)
    assert report["token_sources"] == [{"source": "feature", "requests": 10}]


def test_failures_are_counted_by_reason_model_and_hour(run, bad_hour):
    report = report_of(run, bad_hour)
    total = report["total"]
    assert (total["attempts"], total["answered"], total["failed"], total["server_error"]) == (26, 16, 10, 10)
    assert [(r["model"], r["failed"]) for r in report["by_model"]] == [
        ("gpt-4o-2024-08-06", 10),
        ("claude-haiku-4-5-20251001", 0),
    ]
    hours = {(h["provider"], h["hour"]): (h["attempts"], h["failed"]) for h in report["by_hour_of_day"]}
    assert hours == {("openai", 0): (10, 10), ("openai", 1): (10, 0), ("anthropic", 0): (6, 0)}
    openai = report["by_provider"][0]
    # Another attempt in the hour of a failure always failed, though half of all did.
    assert (openai["failure_rate"], openai["again_in_hour"]) == (0.5, 1)
    assert openai["worst_hours"] == [{"hour": "2025-11-10T00:00:00Z", "attempts": 10, "failed": 10}]


def test_a_log_that_does_not_say_what_was_retried_is_not_guessed_at(run, bad_hour):
    report = report_of(run, bad_hour)
    assert report["as_logged"] is None
    assert report["logged"]["never_answered"] is None


def test_a_retry_on_the_same_model_bills_the_request_twice_where_the_failure_was_billed(run, tmp_path):
    # One of seven attempts timed out after all of its tokens were billed, and was asked again: 2 × 0.0035. Of
    # the other attempts of the hour none failed, so `same` is expected to do what the log did.
    rows = [call(n, 0) for n in range(5)]
    rows += [failed(5, 0, "timeout", input_tokens=1000, output_tokens=100, latency_ms=30_000)]
    rows += [call(6, 0, attempt=1, parent_id="r5")]
    report = report_of(run, write_jsonl(tmp_path / "log.jsonl", rows))
    assert report["counts"]["requests"] == 6
    assert report["first_attempts_usd"] == "0.0035"
    assert report["by_provider"][0]["billed_part"] == 1
    assert report["total"]["failed_latency_ms"] == 30_000
    for row in (chain(report, "same"), report["as_logged"]):
        assert (row["served"], row["attempts"], row["availability"]) == (1, 1, 1)
        assert row["chain_usd"] == "0.0035"
        assert Decimal(row["extra_usd_per_1000_requests"]) == round(Decimal("3.5") / 6, 12)
        assert Decimal(row["usd_per_success"]) == round(7 * Decimal("0.0035") / 6, 12)
    assert chain(report, "none")["availability"] == round(5 / 6, 6)
    assert report["logged"]["by_ids"] == 1
    assert report["logged"]["depths"] == [{"retries": 1, "requests": 1, "answered": 1, "usd": "0.007"}]
    assert report["logged"]["paths"] == [
        {"models": ["openai/gpt-4o-2024-08-06"] * 2, "requests": 1, "answered": 1}
    ]


def test_without_failures_every_chain_costs_nothing_more(run, tmp_path):
    report = report_of(run, write_jsonl(tmp_path / "log.jsonl", [call(n, 0) for n in range(6)]))
    for row in report["chains"]:
        assert (row["served"], row["availability"], row["chain_usd"]) == (0, 1, "0.00")
        assert (row["extra_usd_per_1000_requests"], row["usd_per_success"]) == ("0.00", "0.0035")
        assert row["usd_per_failed_request"] is None


def test_refused_and_cancelled_requests_are_not_held_against_anyone(run, tmp_path):
    rows = [call(n, 0) for n in range(6)] + [failed(7, 0, "400"), call(8, 0, status="cancelled")]
    report = report_of(run, write_jsonl(tmp_path / "log.jsonl", rows))
    total, counts = report["total"], report["counts"]
    assert (total["refused"], total["cancelled"], total["failed"]) == (1, 1, 0)
    assert (counts["requests"], counts["failed_first"], counts["other"]) == (6, 0, 2)
    assert total["availability"]["point"] == 1
    assert total["billed_usd"] == "0.0035"


def test_persistence_makes_chances_match_the_retries_of_the_log(run, tmp_path):
    # Ten hours, in each six good attempts and three requests that fail once and are asked again: two of the
    # three retries fail. Of the 11 others of an hour 4 fail beside a first failure, so 30 retries are
    # expected to fail 30 × 4/11 times, and did 20 times.
    rows = []
    for hour in range(10):
        rows += [call(100 * hour + n, hour) for n in range(6)]
        for n in range(3):
            ident = 100 * hour + 10 + n
            rows.append(failed(ident, hour))
            retry = call if n == 0 else failed
            rows.append(retry(ident + 20, hour, attempt=1, parent_id=f"r{ident}"))
    report = report_of(run, write_jsonl(tmp_path / "log.jsonl", rows))
    logged = report["logged"]
    expected = 30 * Fraction(4, 11)
    assert logged["again"] == {"attempts": 30, "failed": 20, "expected": round(float(expected), 6)}
    assert logged["persistence"] == round(float((20 - expected) / (30 - expected)), 6)
    assert chain(report, "same")["served"] == pytest.approx(10)  # as in the log
    assert (logged["never_answered"], report["as_logged"]["served"]) == (20, 10)


def test_the_cheaper_one_is_of_the_own_provider_and_the_other_one_is_not(run, tmp_path):
    rows = [call(n, 0) for n in range(9)] + [failed(9, 0)]
    report = report_of(run, write_jsonl(tmp_path / "log.jsonl", rows))
    # In November 2025 the own provider's flagship, gpt-5 or gpt-5.1, costs 1.25 and 10: less than gpt-4o.
    cheaper, other = chain(report, "cheaper"), chain(report, "other")
    assert [s["model"].partition("-")[0] for s in cheaper["first_asked"]] == ["openai/gpt"]
    assert cheaper["chain_usd"] == "0.00225"
    assert other["first_asked"][0]["model"].partition("/")[0] in ("anthropic", "google")
    assert other["basis"] == [{"basis": "all_providers", "chances": 1}]


@pytest.mark.parametrize(
    ("more", "fits"),
    [
        ({}, 1),
        ({"input_tokens": 300_000, "output_tokens": 10}, 0),
        ({"model": "text-embedding-3-small"}, 0),
    ],
)
def test_a_member_serves_only_what_it_is_adequate_for(run, tmp_path, more, fits):
    # claude-haiku-4-5 takes 200,000 tokens, and an embedding is no chat.
    rows = [call(n, 0) | more for n in range(9)] + [call(9, 0, status="error", error="timeout") | more]
    report = report_of(run, write_jsonl(tmp_path / "log.jsonl", rows), "--chain", HAIKU)
    row = chain(report, HAIKU)
    assert (row["without_member"], len(row["first_asked"])) == (1 - fits, fits)


def outage(report, window, name):
    found = next(w for w in report["outages"][0]["windows"] if w["window"] == window)
    return found, next(c for c in found["chains"] if c["name"] == name)


def test_an_outage_hits_the_requests_of_its_window(run, tmp_path):
    # Requests to openai by hour: 3, 1, 2. Nothing in the log failed, so haiku serves them all.
    rows = [call(n, hour, tier=hour) for n, hour in enumerate((0, 0, 0, 1, 2, 2))]
    path = write_jsonl(tmp_path / "log.jsonl", rows)
    report = report_of(run, path, "--outage", "openai@1h", "--chain", f"same,{HAIKU}")
    for window, start, requests in (("worst", 0, 3), ("median", 2, 2), ("best", 1, 1)):
        found, hit = outage(report, window, f"same,{HAIKU}")
        assert (found["start"], found["requests"]) == (f"2025-11-10T0{start}:00:00Z", requests)
        assert (hit["served"], hit["unserved"], hit["served_share"]) == (requests, 0, 1)
        assert Decimal(hit["chain_usd"]) == requests * Decimal("0.0015")
        assert Decimal(hit["extra_usd"]) == requests * (Decimal("0.0015") - Decimal("0.0035"))
        _, nothing = outage(report, window, "none")
        assert (nothing["served"], nothing["unserved"], nothing["chain_usd"]) == (0, requests, "0.00")
        _, again = outage(report, window, "same")
        assert (again["served"], again["chain_usd"]) == (0, "0.00")
        assert hit["by_tier"] == [{"tier": start, "feature": None, "requests": requests, "served": requests}]
        assert [(p["feature"], p["requests"]) for p in hit["by_feature"]] == [("chat", requests)]


def test_an_outage_may_start_at_a_stated_hour(run, tmp_path):
    path = write_jsonl(tmp_path / "log.jsonl", [call(n, n) for n in range(6)])
    report = report_of(run, path, "--outage", "openai@2025-11-10T04:00/PT4H")
    found, _ = outage(report, "stated", "none")
    assert (found["start"], found["end"], found["requests"]) == (
        "2025-11-10T04:00:00Z", "2025-11-10T08:00:00Z", 2,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("outage", "told"),
    [
        ("opneai@4h", "did you mean 'openai'"),
        ("openai", "is not PROVIDER@HOURS"),
        ("openai@4w", "is not PROVIDER@HOURS"),
        ("openai@0h", "from 1 hour"),
        ("openai@2025-11-10T04:30/4h", "full hour"),
        ("openai@yesterday/4h", "is not a time"),
    ],
)
def test_an_outage_that_makes_no_sense_is_refused(run, bad_hour, outage, told):
    outcome = run("fallback", bad_hour, "--outage", outage)
    assert (outcome.code, outcome.out) == (2, "")
    assert told in outcome.err


def test_a_model_that_is_not_in_the_price_book_is_no_fallback(run, bad_hour):
    outcome = run("fallback", bad_hour, "--chain", "openai/gpt-44")
    assert (outcome.code, outcome.out) == (2, "")
    assert "no model 'openai/gpt-44' in the price book" in outcome.err


POLICY = """
schema = "costaudit/policy@1"
name = "mine"
[never]
features = ["legal"]
[[residency]]
features = ["eu-*"]
providers = ["openai"]
[[rules]]
name = "search"
features = ["search"]
candidates = ["openai/gpt-4o-mini"]
fallbacks = ["google/gemini-2.5-flash"]
[[tiers]]
tier = 1
classes = ["mid"]
fallbacks = ["anthropic/claude-haiku-4-5"]
"""


def test_the_policy_says_what_is_asked_after_a_failure(run, tmp_path):
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY)
    rows = [call(n, 0, tier=1) for n in range(8)]
    rows += [
        failed(10, 0, tier=1),  # to haiku
        failed(11, 0, tier=2),  # the policy names nothing: its own model again
        failed(12, 0, tier=2, feature="search"),  # a rule comes before the tier: to flash
        failed(13, 0, tier=1, feature="eu-chat"),  # only openai may serve it
        failed(14, 0, tier=1, feature="legal"),  # only its own model may
    ]
    report = report_of(run, write_jsonl(tmp_path / "log.jsonl", rows), "--policy", policy, "--chain", "same")
    assert [c["name"] for c in report["chains"]] == ["none", "same", "policy mine", "cheaper", "other"]
    row = chain(report, "policy mine")
    assert row["members"] == ["same"]
    assert row["treatments"] == [
        {"tier": 1, "rule": None, "members": [HAIKU]},
        {"tier": None, "rule": "search", "members": [FLASH]},
    ]
    assert {s["model"]: s["requests"] for s in row["first_asked"]} == {
        "anthropic/claude-haiku-4-5-20251001": 1,
        "google/gemini-2.5-flash": 1,
        "openai/gpt-4o-2024-08-06": 2,
    }
    assert row["without_member"] == 1


def test_a_policy_of_one_provider_fails_over_to_no_other(run, tmp_path):
    policy = tmp_path / "policy.toml"
    policy.write_text('schema = "costaudit/policy@1"\nname = "mine"\nsame_provider = true\n')
    rows = [call(n, 0) for n in range(8)] + [failed(10, 0)]
    path = write_jsonl(tmp_path / "log.jsonl", rows)
    report = report_of(run, path, "--policy", policy, "--chain", HAIKU)
    assert [chain(report, name)["without_member"] for name in ("cheaper", "other", HAIKU)] == [0, 1, 1]


def test_a_chain_may_only_name_providers_that_the_policy_allows(run, bad_hour, tmp_path):
    policy = tmp_path / "policy.toml"
    policy.write_text('schema = "costaudit/policy@1"\nname = "mine"\nproviders = ["openai"]\n')
    outcome = run("fallback", bad_hour, "--policy", policy, "--chain", HAIKU)
    assert (outcome.code, outcome.out) == (2, "")
    assert "may not serve: the policy allows openai" in outcome.err


@pytest.mark.parametrize("seed", range(6))
def test_an_independent_computation_agrees_to_the_last_digit(run, tmp_path, seed):
    log = random_log(seed)
    truth = Oracle(log)
    chains = [("same",), ("same", "same", HAIKU), (MINI, FLASH), (HAIKU, "same", FLASH, MINI)]
    named = [arg for c in chains for arg in ("--chain", ",".join(c))]
    report = report_of(run, write_jsonl(tmp_path / "log.jsonl", log), *named, "--outage", "openai@3h")
    assert report["counts"]["failed_first"] == len(truth.heads)
    assert report["logged"]["again"]["attempts"] == truth.retries()[0]
    assert report["logged"]["persistence"] == round(float(truth.persistence), 6)
    requests = len(truth.families)
    sunk = sum(cost_of(f[0]) for f in truth.heads)
    at_once = sum(cost_of(r) for r in truth.at_once)
    for members in chains:
        row, found = chain(report, ",".join(members)), truth.replay(members)
        assert row["served"] == round(float(found.served), 6)
        assert row["attempts"] == round(float(found.attempts), 6)
        assert row["availability"] == round(float((len(truth.at_once) + found.served) / requests), 6)
        assert dollars(row["chain_usd"]) == rounded(found.usd)
        extra = (sunk + found.usd - found.own) * 1000 / requests
        assert dollars(row["extra_usd_per_1000_requests"]) == rounded(extra)
        success = (at_once + sunk + found.usd) / (len(truth.at_once) + found.served)
        assert dollars(row["usd_per_success"]) == rounded(success)
        for window in report["outages"][0]["windows"]:
            hit = next(c for c in window["chains"] if c["name"] == ",".join(members))
            start = hours_since_1970(window["start"])
            number, expected = truth.outage("openai", start, 3, members)
            assert window["requests"] == number
            assert hit["served"] == round(float(expected.served), 6)
            assert dollars(hit["chain_usd"]) == rounded(expected.usd)
            assert dollars(hit["own_usd"]) == rounded(expected.own)


def cost_of(record):
    from tests.questions.fallback.fallback_oracle import cost, name_of, tokens_of  # noqa: PLC0415

    return cost(name_of(record), tokens_of(record))


def dollars(text):
    return Fraction(text)


def rounded(value):
    return Fraction(round(value * 10**12), 10**12)


def hours_since_1970(text):
    from datetime import datetime  # noqa: PLC0415

    return int(datetime.fromisoformat(text).timestamp()) // 3600


@pytest.mark.parametrize("seed", range(2))
def test_the_report_does_not_depend_on_order_files_or_threads(run, tmp_path, seed):
    log = random_log(seed)
    one = report_of(run, write_jsonl(tmp_path / "log.jsonl", log))
    random.Random(seed).shuffle(log)  # noqa: S311 - the same log on every run
    folder = tmp_path / "parts"
    folder.mkdir()
    write_parquet(folder / "a.parquet", log[:120], rows=25)
    write_jsonl(folder / "b.jsonl.gz", log[120:])
    other = report_of(run, folder, "--threads", "4")
    assert other["log"].pop("files") == 2
    del one["log"]["files"]
    assert one == other


@pytest.mark.parametrize("seed", range(2))
def test_a_longer_chain_is_never_less_available(run, tmp_path, seed):
    members = ["cheaper", "same", FLASH, "other", HAIKU, "same"]
    named = [arg for n in range(1, 7) for arg in ("--chain", ",".join(members[:n]))]
    report = report_of(
        run, write_jsonl(tmp_path / "log.jsonl", random_log(seed)), *named, "--outage", "openai@6h"
    )
    rows = [chain(report, ",".join(members[:n])) for n in range(1, 7)]
    assert [r["served"] for r in rows] == sorted(r["served"] for r in rows)
    for window in report["outages"][0]["windows"]:
        served = {c["name"]: c["served"] for c in window["chains"]}
        along = [served[r["name"]] for r in rows]
        assert along == sorted(along)
        assert along[-1] <= window["requests"]


def test_a_prompt_that_is_asked_again_is_the_same_request(run, tmp_path):
    def ask(number, second, text, **more):
        return {
            "request_id": f"p{number}", "timestamp": f"2025-11-10T10:00:{second:02}Z", "model": "gpt-4o",
            "provider": "openai", "session": "s", "prompt": text, "input_tokens": 1000, "output_tokens": 100,
        } | more  # fmt: skip

    rows = [
        ask(1, 0, "one", status="error", error="timeout", input_tokens=0, output_tokens=0),
        ask(2, 9, "one"),
        ask(3, 20, "two"),
        ask(4, 30, "two"),
        ask(5, 40, "three", status="error", error="503", input_tokens=0, output_tokens=0),
    ]
    report = report_of(run, write_jsonl(tmp_path / "log.jsonl", rows))
    logged, counts = report["logged"], report["counts"]
    assert (logged["by_prompt"], logged["never_answered"]) == (1, 1)
    assert (counts["attempts"], counts["requests"], counts["answered_first"]) == (5, 4, 2)
    assert report["as_logged"]["served"] == 1


def test_what_has_no_price_is_in_no_amount(run, tmp_path):
    rows = [call(n, 0, "acme-9") for n in range(8)] + [failed(9, 0, model="acme-9")]
    path = write_jsonl(tmp_path / "log.jsonl", rows)
    report = report_of(run, path)
    assert (report["counts"]["requests"], report["counts"]["priced"]) == (9, 0)
    again = chain(report, "same")
    assert (again["served"], again["availability"]) == (1, 1)
    amounts = ("chain_usd", "usd_per_failed_request", "extra_usd_per_1000_requests", "usd_per_success")
    assert [again[name] for name in amounts] == [None] * 4
    # With one priced request beside them, amounts per success are of that alone.
    rows += [call(20, 0)]
    report = report_of(run, write_jsonl(tmp_path / "log.jsonl", rows))
    assert (report["counts"]["priced"], chain(report, "same")["usd_per_success"]) == (1, "0.0035")


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("name", ["litellm_gateway.jsonl.gz", "platform_month.parquet"])
def test_the_text_is_as_before(run, name, columns, snapshot, monkeypatch):
    monkeypatch.chdir(ROOT)
    outcome = run("fallback", f"sample_logs/{name}", columns=columns)
    assert outcome.code == 0
    assert all(len(line) <= columns for line in outcome.out.splitlines())
    assert outcome.out == snapshot


def test_the_markdown_is_as_before(run, snapshot, monkeypatch):
    monkeypatch.chdir(ROOT)
    outcome = run("fallback", "sample_logs/platform_month.parquet", "--format", "markdown")
    assert (outcome.code, outcome.out) == (0, snapshot)


def test_names_from_the_log_do_nothing_to_a_terminal(run, tmp_path):
    hostile = {"provider": "\x1b[31mred", "model": "m\x1b]0;title\x07\u202e", "feature": "<b>|"}
    rows = [call(n, 0) | hostile for n in range(8)] + [failed(9, 0) | hostile]
    path = write_jsonl(tmp_path / "log.jsonl", rows)
    for form in ("text", "json", "markdown"):
        told = run("fallback", path, "--format", form).out
        assert not set(told) & set("\x1b\x07\u202e")
        assert form == "json" or "<b>|" not in told.replace("&lt;", "<") or form == "text"


def test_samples_of_the_repository_come_to_what_their_maker_says(run):
    truth = json.loads((ROOT / "tests/sample_logs/totals.json").read_text())["files"]
    for name, expected in truth.items():
        found = report_of(run, ROOT / "sample_logs" / name)
        replaced = found["total"]["unusable"]
        assert found["total"]["failed"] - replaced == expected["failures"]
        assert found["counts"]["cache_hits"] == expected["cache_hits"]
        assert found["counts"]["attempts"] == expected["requests"] - expected["cache_hits"]
        if name != "support_chat.jsonl.gz":  # which numbers no attempts
            joined = found["logged"]["by_ids"] + found["logged"]["by_session"] + found["logged"]["orphans"]
            assert joined == expected["retries"]
