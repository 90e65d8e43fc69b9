"""Real logs against sums that this file makes itself from the raw rows and the price tables."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from costaudit.questions.audit.result import Audit
from costaudit.tokens import INPUT_SIDE, OUTPUT_SIDE
from tests.engine.audits import audit, same, write_jsonl
from tests.engine.oracle import facts, instant, list_usd, rate

Rows = list[dict[str, Any]]

AIDER = {
    "anthropic/claude-3-7-sonnet-20250219": ("anthropic", "claude-3-7-sonnet-20250219"),
    "claude-3-5-sonnet-20241022": ("anthropic", "claude-3-5-sonnet-20241022"),
    "o3": ("openai", "o3-2025-04-16"),
    "o3-mini": ("openai", "o3-mini-2025-01-31"),
    "openai/gpt-5.2": ("openai", "gpt-5.2-2025-12-11"),
    "gpt-5.4": ("openai", "gpt-5.4-2026-03-05"),
    "gemini/gemini-2.5-pro": ("google", "gemini-2.5-pro"),
    "anthropic/claude-sonnet-4-20250514": ("anthropic", "claude-sonnet-4-20250514"),
    "gpt-5": ("openai", "gpt-5-2025-08-07"),
    "claude-3-5-haiku-20241022": ("anthropic", "claude-3-5-haiku-20241022"),
    "fireworks_ai/accounts/fireworks/models/deepseek-v3": (
        "fireworks",
        "accounts/fireworks/models/deepseek-v3",
    ),
}
"""By hand: the largest models of the log, and what the providers call them."""


@pytest.fixture(scope="module")
def aider(shared_data: Path) -> Path:
    return shared_data / "logs" / "aider" / "message_send_5522.jsonl"


@pytest.fixture(scope="module")
def aider_rows(aider: Path) -> Rows:
    return [json.loads(line, parse_float=Decimal) for line in aider.read_text().splitlines()]


@pytest.fixture(scope="module")
def aider_report(aider: Path) -> Audit:
    return audit(aider)


def test_aider_counts_and_costs(aider_rows: Rows, aider_report: Audit):
    costs = [Decimal(row["properties"]["cost"]) for row in aider_rows]
    believed = sum(cost for cost in costs if cost < 9000)
    spend = aider_report.spend
    assert (spend.requests, spend.tokens.input, spend.tokens.output) == (5522, 72_967_539, 2_955_782)
    assert spend.tokens.output == sum(row["properties"]["completion_tokens"] for row in aider_rows)
    assert spend.reported_usd is not None
    assert abs(spend.reported_usd - believed) < Decimal("1e-9")
    assert spend.reported_usd.quantize(Decimal("0.01")) == Decimal("192.69")
    # to the digit, at the resolution of reported costs: 1e-12 USD
    assert spend.reported_usd == sum(cost.quantize(Decimal("1e-12")) for cost in costs if cost < 9000)


def test_aiders_impossible_cost_is_a_finding_with_its_line_and_in_no_total(
    aider_rows: Rows, aider_report: Audit
):
    (line,) = [number for number, row in enumerate(aider_rows, 1) if row["properties"]["cost"] > 9000]
    (found,) = [f for f in aider_report.findings if f.code == "CA-C1"]
    (example,) = found.evidence["examples"]
    assert (example["line"], example["tokens"], example["reported_usd"]) == (line, 10_033, "9990.01252875")
    assert aider_report.spend.billed_usd < 300


def test_aiders_reported_costs_are_at_list_where_the_tables_are_read_by_hand(
    aider_rows: Rows, tmp_path: Path
):
    """Every dated row of the largest models, priced here and put into the bucket of its ratio here."""
    rows, ratios, free = [], [], 0
    listed = reported = Decimal(0)
    for row in aider_rows:
        said = row["properties"]
        if said["main_model"] not in AIDER or not said["total_tokens"] or said["cost"] > 9000:
            continue
        counts = {"input": said["prompt_tokens"], "output": said["completion_tokens"]}
        usd = list_usd(*AIDER[said["main_model"]], counts, row["time"] * 10**6)
        if usd is None:
            continue
        cost = Decimal(said["cost"]).quantize(Decimal("1e-12"))
        rows.append(
            {**row, "properties": {**said, "cost": float(cost), "total_cost": float(said["total_cost"])}}
        )
        if not cost:
            free += 1
            continue
        listed, reported = listed + usd, reported + cost
        ratios.append(cost / usd)
    assert len(ratios) > 3000
    found = audit(write_jsonl(tmp_path / "largest.jsonl", rows)).reconciliation
    assert found is not None
    assert (found.requests, found.list_usd, found.reported_usd) == (len(ratios), listed, reported)
    assert found.reported_zero_requests == free
    (median,) = [b for b in found.distribution if b.ratio_from == "0.9975"]
    near = sum(1 for r in ratios if Decimal("0.9975") <= r < Decimal("1.0025"))
    assert near <= median.requests <= near + 5  # costs of few digits may be rounded list costs
    assert (found.median_ratio_from, found.median_ratio_to) == ("0.9975", "1.0025")
    assert Decimal("0.9975") <= sorted(ratios)[(len(ratios) - 1) // 2] < Decimal("1.0025")
    far = [b for b in found.distribution if Decimal(b.ratio_from) >= Decimal("1.1025")]
    assert sum(b.requests for b in far) == sum(1 for r in ratios if r >= Decimal("1.1025"))


def _month(row: dict[str, Any]) -> str:
    return datetime.fromtimestamp(row["time"], UTC).strftime("%Y-%m")


def test_aiders_largest_models_cost_what_the_tables_say_in_every_month(aider_rows: Rows, tmp_path: Path):
    months: dict[str, Rows] = defaultdict(list)
    expected: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in aider_rows:
        said = row["properties"]
        if said["main_model"] not in AIDER:
            continue
        counts = {"input": said["prompt_tokens"], "output": said["completion_tokens"]}
        provider, model = AIDER[said["main_model"]]
        usd = list_usd(provider, model, counts, row["time"] * 10**6)
        if usd is not None and row["properties"]["total_tokens"]:
            expected[_month(row)][f"{provider}/{model}"] += usd
            months[_month(row)].append({**row, "properties": {**said, "cost": 0, "total_cost": 0}})
    assert sum(map(len, months.values())) > 3000
    for month, rows in months.items():
        report = audit(write_jsonl(tmp_path / f"{month}.jsonl", rows))
        assert {m.model: m.list_usd for m in report.by_model} == expected[month], month


def test_deepseek_is_cheaper_at_night_in_the_aider_log(aider_rows: Rows, tmp_path: Path):
    """Off-peak hours by hand: 16:30 to 00:30 UTC from 2025-02-26 to 2025-09-05."""
    rows = [
        {**r, "properties": {**r["properties"], "cost": 0, "total_cost": 0}}
        for r in aider_rows
        if r["properties"]["main_model"] == "deepseek/deepseek-chat"
    ]
    total, nights = Decimal(0), 0
    for row in rows:
        second = row["time"] % 86_400
        dated = (
            datetime(2025, 2, 26, tzinfo=UTC)
            <= datetime.fromtimestamp(row["time"], UTC)
            < datetime(2025, 9, 5, tzinfo=UTC)
        )
        night = dated and (second >= 59_400 or second < 1_800)
        counts = {
            "input": row["properties"]["prompt_tokens"],
            "output": row["properties"]["completion_tokens"],
        }
        window = "deepseek-offpeak-2025" if night else ""
        total += list_usd("deepseek", "deepseek-chat", counts, row["time"] * 10**6, window=window) or 0
        nights += night
    assert nights > 10
    assert audit(write_jsonl(tmp_path / "deepseek.jsonl", rows)).spend.list_usd == total


@pytest.fixture(scope="module")
def litellm(shared_data: Path) -> Path:
    return shared_data / "logs" / "litellm"


@pytest.fixture(scope="module")
def litellm_rows(litellm: Path) -> Rows:
    with gzip.open(litellm / "spend_logs.jsonl.gz", "rt") as file:
        return [json.loads(line, parse_float=Decimal) for line in file]


@pytest.fixture(scope="module")
def litellm_report(litellm: Path) -> Audit:
    return audit(litellm / "spend_logs.jsonl.gz")


def test_litellm_totals(litellm_rows: Rows, litellm_report: Audit):
    spend, tokens = litellm_report.spend, litellm_report.spend.tokens
    stated = sum(Decimal(row["spend"] or 0) for row in litellm_rows)
    assert spend.requests == len(litellm_rows) == 2164
    assert spend.reported_usd is not None
    assert abs(spend.reported_usd - stated) < Decimal("1e-9")
    assert round(stated, 6) == Decimal("11.677148")
    prompt = sum(getattr(tokens, name) for name in INPUT_SIDE)
    assert prompt == sum(row["prompt_tokens"] for row in litellm_rows) == 3_670_128
    completion = sum(row["completion_tokens"] for row in litellm_rows)
    assert sum(getattr(tokens, name) for name in OUTPUT_SIDE) == completion == 346_245


LITELLM = {
    "claude-sonnet-4-5": ("anthropic", "claude-sonnet-4-5-20250929"),
    "gpt-5": ("openai", "gpt-5-2025-08-07"),
    "gpt-4o": ("openai", "gpt-4o-2024-08-06"),
    "gpt-4.1-nano": ("openai", "gpt-4.1-nano-2025-04-14"),
    "gpt-5-mini": ("openai", "gpt-5-mini-2025-08-07"),
}
TIERS = {
    None: "standard",
    "standard": "standard",
    "default": "standard",
    "flex": "flex",
    "priority": "priority",
}


@pytest.mark.parametrize("name", LITELLM)
def test_litellm_models_cost_what_the_tables_say(litellm_rows: Rows, tmp_path: Path, name: str):
    provider, model = LITELLM[name]
    rows, total = [], Decimal(0)
    for row in litellm_rows:
        metadata = json.loads(row["metadata"])
        usage = metadata["usage_object"] or {}
        if row["model"] != name or row["custom_llm_provider"] != provider or usage.get("server_tool_use"):
            continue
        tier = TIERS[(metadata["cost_breakdown"] or {}).get("service_tier") or usage.get("service_tier")]
        details = usage.get("prompt_tokens_details") or {}
        written = usage.get("cache_creation_input_tokens") or 0
        hour = (details.get("cache_creation_token_details") or {}).get("ephemeral_1h_input_tokens") or 0
        read = details.get("cached_tokens") or 0
        counts = {
            "input": row["prompt_tokens"] - read - written,
            "cache_read": read,
            "cache_write_5m": written - hour,
            "cache_write_1h": hour,
            "output": row["completion_tokens"],
        }
        at = datetime.fromisoformat(row["startTime"])
        usd = list_usd(provider, model, counts, int(at.timestamp() * 10**6), tier=tier)
        assert usd is not None
        total += usd
        rows.append({**row, "spend": float(row["spend"] or 0)})
    report = audit(write_jsonl(tmp_path / "one.jsonl", rows))
    assert {m.model: m.list_usd for m in report.by_model} == {f"{provider}/{model}": total}


def test_the_parquet_copy_of_the_litellm_log_gives_the_same_report(litellm: Path, litellm_report: Audit):
    assert same(audit(litellm / "litellm_spend_logs.parquet")) == same(litellm_report)


def test_the_litellm_log_is_reconciled_with_its_own_lines(litellm_rows: Rows, litellm_report: Audit):
    """LiteLLM states null or 0 where it knows no price: those are in no ratio."""
    found = litellm_report.reconciliation
    assert found is not None
    spends = [r["spend"] for r in litellm_rows]
    assert (spends.count(None), spends.count(0)) == (248, 35)
    assert 30 < found.reported_zero_requests <= 35  # not where we know no price either
    stated = len(spends) - 248 - 35
    assert [(i.quality, i.requests) for i in litellm_report.coverage.inexact] == [("partial", 50)]
    most = found.requests + found.list_zero_requests
    assert stated - 14 - 50 <= most <= stated - 14  # 14 have no price, 50 counts that nobody reads
    assert sum(b.requests for b in found.distribution) == found.requests
    assert sum(b.reported_usd for b in found.distribution) == found.reported_usd
    assert sum(b.list_usd for b in found.distribution) == found.list_usd
    assert len(found.outliers) == 20
    for one in found.outliers:
        row = litellm_rows[one.line - 1]
        assert row["spend"].quantize(Decimal("1e-12")) == one.reported_usd
        assert row["model"] == one.model
    sizes = [abs(o.reported_usd - o.list_usd) for o in found.outliers]
    assert sizes == sorted(sizes, reverse=True)


def test_costs_of_openrouters_generations_are_reconciled(shared_data: Path, tmp_path: Path):
    generations = json.loads((shared_data / "logs" / "examples" / "openrouter_generation.json").read_text())
    found = audit(write_jsonl(tmp_path / "generations.jsonl", generations)).reconciliation
    assert found is not None
    assert sum(o.reported_usd for o in found.outliers) <= found.reported_usd
    exact = [
        g["data"] for g in generations if "claude" not in g["data"]["model"]
    ]  # one leaves out its writes
    costs = [Decimal(repr(g["total_cost"])) for g in exact]
    assert found.requests == len(costs) == len(generations) - 1
    assert found.reported_usd == sum(costs)
    assert not found.signatures  # four requests show nothing


@pytest.fixture(scope="module")
def exchanges(shared_data: Path) -> Rows:
    with gzip.open(shared_data / "logs" / "exchanges.jsonl.gz", "rt") as file:
        return [json.loads(line) for line in file]


def _bodies(exchanges: Rows, kind: str, value: str) -> Rows:
    """Complete response bodies of a kind, each once."""
    found = [
        e["response"]
        for e in exchanges
        if isinstance(e["response"], dict) and e["response"].get(kind) == value
    ]
    once = {body["id"]: body for body in found if body.get("usage") and e_is_new(found, body)}
    return list(once.values())


def e_is_new(bodies: Iterable[dict[str, Any]], body: dict[str, Any]) -> bool:
    """An id that stands for one answer only: replayed recordings merge to their most complete record."""
    same_id = [b["usage"] for b in bodies if b.get("id") == body["id"] and b.get("usage")]
    return all(usage == same_id[0] for usage in same_id)


def test_openai_bodies_add_up(exchanges: Rows, tmp_path: Path):
    bodies = [b for b in _bodies(exchanges, "object", "chat.completion") if _plain(b["usage"])]
    assert len(bodies) > 200
    report = audit(write_jsonl(tmp_path / "openai.jsonl", bodies))
    tokens = report.spend.tokens
    assert report.inputs.formats == {"openai-chat": len(bodies)}
    assert tokens.input + tokens.cache_read + tokens.input_audio == sum(
        b["usage"]["prompt_tokens"] for b in bodies
    )
    assert tokens.output + tokens.output_audio == sum(b["usage"]["completion_tokens"] for b in bodies)
    cached = [(b["usage"].get("prompt_tokens_details") or {}).get("cached_tokens") or 0 for b in bodies]
    assert tokens.cache_read == sum(cached) > 0


def _plain(usage: dict[str, Any]) -> bool:
    """Usage in which prompt and completion are the whole, as OpenAI states it (other hosts add reasoning)."""
    details = usage.get("prompt_tokens_details") or {}
    total = usage.get("prompt_tokens", 0) + usage.get("completion_tokens", 0)
    others = {"num_cached_tokens", "cached_tokens", "prompt_cache_hit_tokens"} & usage.keys()
    return bool(usage.get("total_tokens") == total and not details.get("cache_write_tokens") and not others)


def _anthropic_bodies(exchanges: Rows) -> Rows:
    """Messages of one pass: a compaction or an advisor is a further pass with a usage of its own."""
    bodies = _bodies(exchanges, "type", "message")
    return [b for b in bodies if all(i["type"] == "message" for i in b["usage"].get("iterations") or ())]


def test_anthropic_bodies_add_up(exchanges: Rows, tmp_path: Path):
    bodies = _anthropic_bodies(exchanges)
    assert len(bodies) > 150
    tokens = audit(write_jsonl(tmp_path / "anthropic.jsonl", bodies)).spend.tokens
    usages = [b["usage"] for b in bodies]
    assert tokens.input == sum(u["input_tokens"] for u in usages)
    assert tokens.cache_read == sum(u.get("cache_read_input_tokens") or 0 for u in usages)
    written = sum(u.get("cache_creation_input_tokens") or 0 for u in usages)
    assert tokens.cache_write_5m + tokens.cache_write_1h == written
    assert tokens.output == sum(u["output_tokens"] for u in usages)


def test_undated_bodies_are_priced_only_where_time_cannot_matter(exchanges: Rows, tmp_path: Path):
    known = {f.model for f in facts("anthropic")}
    bodies = [
        b
        for b in _anthropic_bodies(exchanges)
        if b["model"] in known
        and not b["usage"].get("server_tool_use")
        and not b["id"].startswith(("msg_bdrk", "msg_vrtx"))
    ]
    late = [
        {
            **b,
            "id": f"late{n}",
            "model": "claude-sonnet-4-5-20250929",
            "usage": {"input_tokens": 200_001, "output_tokens": 1},
        }
        for n, b in enumerate(bodies[:3])
    ]
    path = write_jsonl(tmp_path / "undated.jsonl", bodies + late)
    now = instant("2026-11-20")
    expected: dict[str, Decimal] = defaultdict(Decimal)
    unpriced: Counter[tuple[str, str]] = Counter()
    for body in bodies + late:
        name = f"anthropic/{body['model']}"
        if _never_changed(body):
            expected[name] += _body_usd(body, now)
        else:
            unpriced[name, "no_timestamp"] += 1
    assert (
        unpriced[("anthropic/claude-sonnet-4-5-20250929", "no_timestamp")] == 3
    )  # it cost twice as much until 2026-04-30
    report = audit(path)
    assert {(u.model, u.reason): u.requests for u in report.coverage.unpriced} == unpriced
    assert {m.model: m.list_usd or 0 for m in report.by_model} == {
        **dict.fromkeys([n for n, _ in unpriced], 0),
        **expected,
    }
    as_of = audit(path, prices_at=now)
    assert not as_of.coverage.unpriced
    assert as_of.spend.list_usd == sum(_body_usd(b, now) for b in bodies + late)


def _never_changed(body: dict[str, Any]) -> bool:
    usage = body["usage"]
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    return _one_price(body["model"], sum(usage.get(n) or 0 for n in names))


@cache
def _one_price(model: str, context: int) -> bool:
    """Whether no class of the model ever had another price for a request of this size."""
    own = [f for f in facts("anthropic") if f.model == model and f.tier == "standard"]
    starts, classes = {f.start for f in own}, {f.klass for f in own}
    prices = {(klass, rate("anthropic", model, klass, at, context)) for klass in classes for at in starts}
    priced = [klass for klass, usd in prices if usd is not None]
    return len(priced) == len(set(priced))


def _body_usd(body: dict[str, Any], at: int) -> Decimal:
    usage = body["usage"]
    written = usage.get("cache_creation_input_tokens") or 0
    hour = (usage.get("cache_creation") or {}).get("ephemeral_1h_input_tokens") or 0
    counts = {
        "input": usage["input_tokens"],
        "cache_read": usage.get("cache_read_input_tokens") or 0,
        "cache_write_5m": written - hour,
        "cache_write_1h": hour,
        "output": usage["output_tokens"],
    }
    return list_usd("anthropic", body["model"], counts, at) or Decimal(0)


def test_the_whole_file_of_exchanges_counts_every_record_once(exchanges: Rows, shared_data: Path):
    report = audit(shared_data / "logs" / "exchanges.jsonl.gz")
    inputs = report.inputs
    assert inputs.records == len(exchanges) == 1951
    read = sum(inputs.formats.values()) + inputs.ignored + sum(s.count for s in inputs.skipped)
    assert read == inputs.records
    assert inputs.requests == report.spend.requests
