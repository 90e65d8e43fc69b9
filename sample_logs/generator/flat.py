"""platform_month: flat rows, one per attempt, for Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import accumulate
from typing import Any, Final

import pyarrow as pa

from .chance import HOUR_MS, HOURS, MONTH_MS, Dice, Ids, Visit, moment, visits
from .totals import Counted, Tally, Usage, number


@dataclass(frozen=True, slots=True)
class Job:
    """One feature of the platform, from traffic.toml."""

    share: int
    feature: str
    tier: int
    provider: str
    model: str
    prompt: Sequence[float]
    output: Sequence[float]
    max_tokens: int
    reasoning: float = 0
    prefix: int = 0
    gateway: str | None = None
    stream: bool = False
    long_prompt: int = 0


BEFORE: Final = {
    "deepseek-v4-flash": ("openai", "gpt-6-luna"),
    "mistral-large-4": ("mistral", "mistral-large-2512"),
}
"""What a job ran on until it moved to its model."""
MOVED: Final = datetime(2026, 10, 12, tzinfo=UTC)
GATEWAY_FACTORS: Final = {"openrouter": Decimal("1.055"), "hubgate": Decimal("1.08")}
INCIDENT: Final = (datetime(2026, 10, 21, 6, tzinfo=UTC), datetime(2026, 10, 22, 18, tzinfo=UTC))
SERVICE_TIERS: Final = {"openai": "default", "anthropic": "standard"}
USER_TIERS: Final = ("free", "free", "free", "pro", "pro", "enterprise")
SCHEMA: Final = pa.schema(
    [
        ("timestamp", pa.timestamp("us", tz="UTC")),
        ("request_id", pa.string()),
        ("provider", pa.string()),
        ("model", pa.string()),
        ("input_tokens", pa.int64()),
        ("cache_read_tokens", pa.int64()),
        ("cache_write_5m_tokens", pa.int64()),
        ("output_tokens", pa.int64()),
        ("reasoning_tokens", pa.int64()),
        ("feature", pa.string()),
        ("user", pa.string()),
        ("session", pa.string()),
        ("user_tier", pa.string()),
        ("status", pa.string()),
        ("error", pa.string()),
        ("latency_ms", pa.int64()),
        ("service_tier", pa.string()),
        ("batch", pa.bool_()),
        ("gateway", pa.string()),
        ("cost_usd", pa.float64()),
        ("attempt", pa.int32()),
        ("parent_id", pa.string()),
        ("max_tokens", pa.int64()),
        ("stream", pa.bool_()),
    ]
)
DICTIONARY: Final = [
    f.name for f in SCHEMA if pa.types.is_string(f.type) and f.name not in ("request_id", "parent_id")
] + ["max_tokens"]


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt: why it failed, and which one it repeats."""

    at_ms: int
    error: str | None = None
    parent: str | None = None


class PlatformLog:
    """Makes platform_month: rows by timestamp, and their totals."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.dice = Dice("platform_month")
        self.tally = Tally()
        self._ids = Ids(self.dice)
        self._jobs = [job for job in jobs if job.share]
        self._nightly = [job for job in jobs if not job.share]
        self._edges = list(accumulate(job.share for job in self._jobs))
        self._warm_ms: dict[str, int] = {}
        self._rows: list[dict[str, Any]] = []

    def table(self, count: int, per_night: int) -> Any:
        """A pyarrow table with `count` interactive requests and `per_night` of the nightly job."""
        for visit in visits(self.dice, count):
            self._serve(self.dice.weighted(self._jobs, self._edges), visit)
        for visit in _nights(self.dice, per_night):
            self._serve(self.dice.pick(self._nightly), visit)
        self._rows.sort(key=lambda row: (row["timestamp"], row["request_id"]))
        self.tally.counts["records"] = len(self._rows)
        return pa.Table.from_pylist(self._rows, schema=SCHEMA)

    def _serve(self, job: Job, visit: Visit) -> None:
        if job.model in BEFORE and moment(visit.at_ms) < MOVED:
            provider, model = BEFORE[job.model]
            job = replace(job, provider=provider, model=model, prefix=0)
        usage = self._usage(job, visit)
        failed = self._first_attempt(job, visit, usage)
        if failed is None:
            self._write(job, visit, usage, Try(visit.at_ms))
            return
        if self.dice.chance(0.9):
            again_ms = visit.at_ms + failed["latency_ms"] + self.dice.between(500, 4_000)
            self._write(job, visit, usage, Try(again_ms, parent=failed["request_id"]))

    def _usage(self, job: Job, visit: Visit) -> Usage:
        dice = self.dice
        fresh = dice.lognormal(*job.prompt)
        if job.long_prompt and dice.chance(0.022):
            fresh = job.long_prompt + dice.between(8_000, 140_000)
        elif job.long_prompt:
            fresh = min(fresh, job.long_prompt * 9 // 10)
        reasoning = -(-dice.lognormal(job.reasoning, 0.6) // 64) * 64 if job.reasoning else 0
        reasoning = min(reasoning, job.max_tokens // 2 // 64 * 64)
        output = min(dice.lognormal(*job.output) + reasoning, job.max_tokens)
        if not job.prefix:
            return Usage(fresh, 0, 0, output, reasoning)
        anthropic = job.provider == "anthropic"
        key = f"{job.feature}/{visit.session if anthropic else ''}"
        last_ms = self._warm_ms.get(key)
        self._warm_ms[key] = visit.at_ms
        if last_ms is not None and visit.at_ms - last_ms < (300_000 if anthropic else HOUR_MS):
            return Usage(fresh, job.prefix, 0, output, reasoning)
        if anthropic:
            return Usage(fresh, 0, job.prefix, output, reasoning)
        return Usage(fresh + job.prefix, 0, 0, output, reasoning)

    def _first_attempt(self, job: Job, visit: Visit, usage: Usage) -> dict[str, Any] | None:
        """Write a first attempt that did not do: refused, timed out (billed in part), malformed (billed)."""
        incident = job.provider == "mistral" and INCIDENT[0] <= moment(visit.at_ms) < INCIDENT[1]
        if not self.dice.chance(0.2 if incident else 0.014):
            return None
        fate = self.dice.by_share({"429 rate_limit": 45, "timeout": 30, "malformed_output": 25})
        if fate == "429 rate_limit":
            return self._write(job, visit, Usage(), Try(visit.at_ms, error=fate))
        if fate == "timeout":
            output = max(1, usage.output // 2)
            cut = replace(usage, output=output, reasoning=min(usage.reasoning, output))
            return self._write(job, visit, cut, Try(visit.at_ms, error=fate))
        return self._write(job, visit, usage, Try(visit.at_ms))

    def _write(self, job: Job, visit: Visit, usage: Usage, attempt: Try) -> dict[str, Any]:
        error, parent = attempt.error, attempt.parent
        nightly = job in self._nightly
        at_ms = min(attempt.at_ms, MONTH_MS + HOURS * HOUR_MS - 1)
        latency_ms = 200 + usage.output * self.dice.between(7, 15) + usage.prompt // 30
        row: dict[str, Any] = {
            "timestamp": at_ms * 1000,
            "request_id": self._ids.new("req_"),
            "provider": job.provider,
            "model": job.model,
            "input_tokens": usage.prompt,
            "cache_read_tokens": usage.cache_read,
            "cache_write_5m_tokens": usage.cache_write_5m,
            "output_tokens": usage.output,
            "reasoning_tokens": usage.reasoning,
            "feature": job.feature,
            "user": None if nightly else visit.user,
            "session": visit.session,
            "user_tier": None if nightly else USER_TIERS[sum(map(ord, visit.user)) % len(USER_TIERS)],
            "status": "error" if error else "ok",
            "error": error,
            "latency_ms": 60_000 if error == "timeout" else latency_ms,
            "service_tier": SERVICE_TIERS.get(job.provider),
            "batch": False,
            "gateway": job.gateway,
            "cost_usd": None,
            "attempt": 1 if parent else 0,
            "parent_id": parent,
            "max_tokens": job.max_tokens,
            "stream": job.stream,
        }
        list_usd = self.tally.add(Counted(job.model, usage, at_ms, job.feature, job.tier, row["status"]))
        if error and usage.total:
            self.tally.counts["error_billed"] += 1
        if parent:
            self.tally.counts["retries"] += 1
        if job.gateway:
            reported = list_usd * GATEWAY_FACTORS[job.gateway]
            row["cost_usd"] = number(reported)
            self.tally.report(job.gateway, list_usd, reported)
        self._rows.append(row)
        return row


def _nights(dice: Dice, per_night: int) -> Iterator[Visit]:
    """Every night from 22 UTC the job runs one request after the other, at the full price."""
    for day in range(31):
        at_ms = MONTH_MS + (day * 24 + 22) * HOUR_MS
        for _ in range(per_night + dice.between(-8, 8)):
            at_ms += dice.between(2_000, 30_000)
            yield Visit(at_ms, "svc-enrichment", f"s-enrichment-{day + 1:02d}", True)
