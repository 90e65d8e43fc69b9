"""Random policies over random requests come to what plain Python with fractions says, to the last digit."""

from __future__ import annotations

import os
import random
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from msgspec.structs import replace

from costaudit.engine.audit import Pass
from costaudit.engine.choose import KEPT, LACKS
from costaudit.engine.costing import DIGITS
from costaudit.engine.exact import sum_by
from costaudit.engine.kernel import audit_segment
from costaudit.engine.ledger import CellSum
from costaudit.engine.plan import Plan
from costaudit.engine.told import Told
from costaudit.ingest.canonical import batch_of
from costaudit.prices.gateways import load_gateways
from costaudit.prices.resolver import Resolver
from costaudit.questions.audit.savings import causes_of
from costaudit.questions.audit.work import audited
from costaudit.routing.eval_files import EvalEntry
from costaudit.routing.evals import Evals
from costaudit.routing.policy import Policy
from costaudit.routing.policy_file import policy_of
from costaudit.routing.policy_load import SHIPPED_POLICIES, groups_of, load_roster
from costaudit.routing.projection import exact_sum
from costaudit.schema import Call
from costaudit.tape.record import Keeps, recorded
from costaudit.tape.segment import Segment
from costaudit.tape.tape import Found
from costaudit.toml.load import Toml
from tests.engine.audits import book, tagger
from tests.engine.policy_oracle import FEMTO, ByHand, random_calls
from tests.often import often

REQUESTS = int(os.environ.get("COSTAUDIT_ORACLE", "2000"))
"""`make oracle` takes 50,000."""
POLICIES = 20
TRIED = POLICIES if "COSTAUDIT_ORACLE" in os.environ else often(6, POLICIES)

TARGETS = (
    "openai/gpt-4o-mini", "openai/gpt-5-mini", "openai/gpt-4.1", "google/gemini-2.5-flash",
    "mistral/mistral-small-latest", "google/gemini-2.5-pro", "anthropic/claude-haiku-4-5",
    "deepseek/deepseek-chat", "anthropic/claude-sonnet-4-5",
)  # fmt: skip


@cache
def calls() -> list[Call]:
    return random_calls(11, REQUESTS)


@cache
def batch() -> pa.RecordBatch:
    return recorded(batch_of(calls()), tagger(), Keeps())


def decimals(chance: random.Random, low: float, high: float, places: int) -> str:
    return f"{chance.uniform(low, high):.{places}f}"


def random_treatment(chance: random.Random) -> dict[str, Any]:  # noqa: C901 - one branch per key
    found: dict[str, Any] = {}
    kind = chance.choice(["keep", "any", "classes", "classes", "candidates", "candidates", "candidates"])
    if kind == "keep":
        found["keep"] = True
    elif kind == "any":
        found["any"] = True
    elif kind == "classes":
        found["classes"] = chance.sample(["economy", "mid", "flagship"], chance.randint(1, 3))
    else:
        found["candidates"] = chance.sample(TARGETS, chance.randint(1, 5))
    if chance.random() < 0.5:
        on = chance.choice(["all", "routed"])
        by_model = {"model": chance.choice(TARGETS), "output_tokens": chance.randrange(300)}
        found["verification"] = chance.choice([{"multiple": decimals(chance, 0, 1, 4)}, by_model]) | {
            "on": on
        }
    if kind != "keep":
        if chance.random() < 0.25:
            found["always"] = True
        if chance.random() < 0.4:
            found["choice"] = chance.choice(["cheapest", "ordered"])
        if chance.random() < 0.5:
            found["success_rate"] = decimals(chance, 0.7, 1, 4)
        if chance.random() < 0.4:
            found |= {"retry_rate": decimals(chance, 0, 0.3, 3), "max_attempts": chance.randint(1, 4)}
        if chance.random() < 0.4:
            found["fallbacks"] = chance.sample(TARGETS, chance.randint(1, 2))
        if chance.random() < 0.3:
            found["share"] = decimals(chance, 0, 1, 4)
    return found


def random_policy(seed: int) -> Policy:
    chance = random.Random(seed)  # noqa: S311 - the same policy on every run
    told: dict[str, Any] = {
        "schema": "costaudit/policy@1",
        "name": f"random {seed}",
        "min_confidence": chance.choice([1, 50, 90]),
        "strong_confidence": 90,
        "tiers": [{"tier": t, **random_treatment(chance)} for t in range(4) if chance.random() < 0.9],
        "same_provider": chance.random() < 0.15,
        "router_usd_per_request": decimals(chance, 0, 0.0001, 8) if chance.random() < 0.4 else "0",
    }
    if chance.random() < 0.5:
        told["never"] = {
            "features": ["legal*"],
            "users": chance.choice([[], ["bob"]]),
            "models": ["openai/gpt-4o-2024*"],
        }
    if chance.random() < 0.4:
        told["residency"] = [{"regions": ["eu*"], "providers": ["mistral", "openai"]}]
    if chance.random() < 0.3:
        told["providers"] = chance.sample(["openai", "anthropic", "google", "deepseek", "mistral"], 3)
    for _ in range(chance.randint(0, 2)):
        match = chance.choice([
            {"features": ["/search", "sum*"]}, {"models": ["gpt-5*"]}, {"providers": ["anthropic"]},
            {"gateways": ["my-own"], "tiers": [1, 2]}, {"service_tiers": ["batch"]},
        ])  # fmt: skip
        told.setdefault("rules", []).append(match | random_treatment(chance))
    if chance.random() < 0.5:
        told["pairs"] = [
            {
                "from": "openai/*",
                "to": "anthropic/*",
                "input_ratio": decimals(chance, 0.8, 1.4, 3),
                "output_ratio": "1.2",
            },
            {"from": "anthropic/*", "to": "*", "output_ratio": decimals(chance, 0.5, 1.5, 2)},
        ]
    if "providers" in told:  # a verification model must be allowed to serve
        for treatment in (*told["tiers"], *told.get("rules", [])):
            if "model" in treatment.get("verification", {}):
                treatment["verification"] = {"multiple": "0.25"}
    policy = policy_of(Toml("policy.toml", "", told))
    roster = load_roster(SHIPPED_POLICIES.parent / "roster.toml", "roster.toml")
    return replace(policy, groups={n: groups_of(t, roster) for n, t in policy.treatments() if not t.keep})


def random_evals(seed: int) -> Evals | None:
    chance = random.Random(seed)  # noqa: S311
    if chance.random() < 0.5:
        return None
    entries = []
    for model in (
        "openai/gpt-4o-mini-2024-07-18", "google/gemini-2.5-flash", "anthropic/claude-haiku-4-5-20251001",
        "openai/gpt-5-mini-2025-08-07", "deepseek/deepseek-chat",
    ):  # fmt: skip
        trials = chance.choice([20, 100, 400])
        entries.append(
            EvalEntry(model, 1, None, chance.randrange(trials * 3 // 4, trials + 1), trials, None, None, 1)
        )
        if chance.random() < 0.5:
            entries.append(EvalEntry(model, None, "/search", trials - 3, trials, None, None, 1))
    return Evals("evals.csv", tuple(entries))


@pytest.mark.parametrize("seed", range(TRIED))
def test_a_random_policy_is_what_it_is_by_hand(seed: int):
    chance = random.Random(seed)  # noqa: S311
    used = frozenset(chance.sample(["openai", "anthropic", "google", "deepseek", "mistral"], 3))
    policy, evals = random_policy(seed), random_evals(seed)
    if evals is not None:
        policy = replace(policy, quality_floor=chance.choice([None, Decimal("0.8"), Decimal("0.9")]))
    plan = Plan.of(book(), Resolver(book()), tagger(), policy, evals, providers_used=used)
    tags = plan.tagger.tag(batch())
    cells, told = CellSum(), Told()
    for start in (0, REQUESTS // 2):
        part = audit_segment(Segment.of(batch().slice(start, REQUESTS // 2)), plan)
        cells.add(part.cells)
        told.take(part.told)
    whole = told.by_number(cells.total(), plan)
    work = audited(Pass(whole, whole, _nothing(), plan, Found()), load_gateways())
    out = ByHand(plan, calls(), tags.confidence.tolist(), tags.tier.tolist()).all()

    def units(amount: Fraction) -> Fraction:
        return amount * Fraction(10**DIGITS, FEMTO)

    kept = sum_by(whole.keys["kept"].astype(np.intp), len(KEPT), whole.measures["requests"])
    assert {name: n for name, n in zip(KEPT, kept.tolist(), strict=True) if n} == dict(out.kept)
    lacks = sum_by(whole.keys["lacks"].astype(np.intp), len(LACKS), whole.measures["requests"])
    assert {name: n for name, n in zip(LACKS, lacks.tolist(), strict=True) if n and name} == dict(out.lacks)
    p = work.projected
    assert exact_sum(work.costed.list_units) == units(out.list_)
    assert exact_sum(p.overspecification) == units(out.overspecification)
    assert exact_sum(p.lock_in) == units(out.lock_in)
    assert exact_sum(p.reliability) == units(out.reliability)
    assert exact_sum(p.verification) == units(out.verification)
    assert exact_sum(p.router) == units(out.router)
    unmoved = exact_sum(work.groups.billed) - exact_sum(work.costed.list_units)
    assert exact_sum(p.after) - unmoved == units(out.after)
    told = {c.name: Fraction(c.usd) * 10**DIGITS for c in causes_of(work)}
    for name in ("price", "tokens", "retries", "checks", "fallback"):
        assert told.get(name, 0) == units(out.causes[name]), name
    assert sum(out.kept.values()) == REQUESTS


def _nothing() -> Any:
    from costaudit.engine.ledger import Cells  # noqa: PLC0415

    return Cells({}, {}, {"requests": np.zeros(0, np.int64)})


def test_the_random_policies_do_all_that_a_policy_can():
    policies = [random_policy(seed) for seed in range(POLICIES)]
    treatments = [t for policy in policies for _, t in policy.treatments()]
    for name in ("keep", "any", "classes", "candidates", "fallbacks", "retry_rate", "choice", "always"):
        assert sum(bool(getattr(t, name)) for t in treatments) > 3, name
    for name in ("rules", "residency", "pairs", "providers", "router_usd_per_request", "same_provider"):
        assert any(getattr(policy, name) for policy in policies), name
    assert sum(t.share != 1 for t in treatments) > 3
    assert {(t.verification.on, t.verification.model is None) for t in treatments} >= {
        ("all", True), ("all", False), ("routed", True), ("routed", False),
    }  # fmt: skip
