"""litellm_gateway: rows of LiteLLM_SpendLogs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import accumulate
from typing import Any, Final

from .chance import HOUR_MS, MONTH_MS, Dice, Ids, Visit, iso, moment, visits
from .texts import to_json
from .totals import Counted, Tally, Usage, number

OPENROUTER_FACTOR: Final = Decimal("1.055")
LONGEST_PROMPT: Final = 190_000
"""Keeps gemini-3.1-pro-preview below its long-context price."""
FLAKY_WEEK: Final = (datetime(2026, 10, 12, tzinfo=UTC), datetime(2026, 10, 19, tzinfo=UTC))
ABSURD_FEATURE: Final = "keyword-extraction"
ABSURD_USAGE: Final = Usage(input=871, output=29)
ABSURD_USD: Final = Decimal("412.50")
"""One row of the log states this for these 900 tokens: a bug in somebody's price map."""


@dataclass(frozen=True, slots=True)
class Route:
    """One feature as the gateway serves it, from traffic.toml."""

    share: int
    feature: str
    tier: int
    provider: str
    model: str
    """As LiteLLM logs it."""
    priced_as: str
    prompt: Sequence[float]
    output: Sequence[float]
    reasoning: float = 0
    prefix: int = 0
    stream: bool = False
    cache: bool = False
    night: bool = False


GATEWAY_ERRORS: Final = {
    ("429", "RateLimitError", "rate limit exceeded, please retry"): 50,
    ("503", "ServiceUnavailableError", "upstream connect error or disconnect"): 20,
    ("500", "InternalServerError", "connection closed during the response"): 18,
    ("408", "Timeout", "request timed out after 60.0 seconds"): 12,
}
TEAMS: Final = ("team-support", "team-support", "team-support", "team-success", "team-legal")
ID_PREFIX: Final = {
    "openai": "chatcmpl-",
    "anthropic": "msg_01",
    "openrouter": "gen-17",
    "gemini": "",
    "deepseek": "",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a request at the provider."""

    at_ms: int
    duration_ms: int
    number: int = 0


class GatewayLog:
    """Makes litellm_gateway: SpendLogs rows by start time, and their totals."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.dice = Dice("litellm_gateway")
        self.tally = Tally()
        self._ids = Ids(self.dice)
        self._routes = routes
        self._edges = list(accumulate(route.share for route in routes))
        self._rows: list[tuple[int, dict[str, Any]]] = []
        self._warm_ms: dict[str, int] = {}
        self._recent: dict[str, list[tuple[str, Usage]]] = defaultdict(list)
        self._absurd_done = False

    def lines(self, count: int) -> list[str]:
        """The log with about `count` requests."""
        for visit in visits(self.dice, count):
            route = self.dice.weighted(self._routes, self._edges)
            self._serve(route, _at_night(visit, self.dice) if route.night else visit)
        self._rows.sort(key=lambda row: (row[0], row[1]["litellm_call_id"]))
        lines = [to_json(row) for _, row in self._rows]
        overlap = len(lines) // 2
        lines[overlap:overlap] = lines[overlap - 14 : overlap]
        self.tally.counts["duplicates"] = 14
        self.tally.counts["records"] = len(lines)
        return lines

    def _serve(self, route: Route, visit: Visit) -> None:
        if route.cache and len(self._recent[route.feature]) > 20 and self.dice.chance(0.12):
            self._cache_hit(route, visit)
            return
        usage = self._usage(route, visit)
        if (
            not self._absurd_done
            and route.feature == ABSURD_FEATURE
            and visit.at_ms > MONTH_MS + 470 * HOUR_MS
        ):
            usage, self._absurd_done = ABSURD_USAGE, True
        at_ms, attempt = visit.at_ms, 0
        failures = self._failures(route, visit.at_ms)
        while attempt < failures:
            at_ms = self._fail(route, visit, usage, at_ms, attempt) + self.dice.between(400, 2_500)
            attempt += 1
        if attempt == 3:
            return
        duration_ms = 300 + usage.output * self.dice.between(9, 18) + usage.prompt // 25
        row = self._row(route, visit, usage, Attempt(at_ms, duration_ms, attempt))
        self._bill(route, row, usage, at_ms, "ok")
        self._recent[route.feature].append((row["request_id"], usage))

    def _usage(self, route: Route, visit: Visit) -> Usage:
        dice = self.dice
        fresh = min(dice.lognormal(*route.prompt), LONGEST_PROMPT)
        reasoning = -(-dice.lognormal(route.reasoning, 0.6) // 64) * 64 if route.reasoning else 0
        output = dice.lognormal(*route.output) + reasoning
        if not route.prefix:
            return Usage(fresh, 0, 0, output, reasoning)
        anthropic = "claude" in route.model
        key = visit.session if anthropic else route.feature
        last_ms = self._warm_ms.get(f"{route.feature}/{key}")
        self._warm_ms[f"{route.feature}/{key}"] = visit.at_ms
        warm = last_ms is not None and visit.at_ms - last_ms < (300_000 if anthropic else HOUR_MS)
        if warm:
            cached = route.prefix if anthropic else route.prefix // 128 * 128
            return Usage(fresh + route.prefix - cached, cached, 0, output, reasoning)
        if anthropic:
            return Usage(fresh, 0, route.prefix, output, reasoning)
        return Usage(fresh + route.prefix, 0, 0, output, reasoning)

    def _failures(self, route: Route, at_ms: int) -> int:
        flaky = FLAKY_WEEK[0] <= moment(at_ms) < FLAKY_WEEK[1]
        if route.night or route.provider == "hosted_vllm" or not self.dice.chance(0.17 if flaky else 0.008):
            return 0
        return self.dice.by_share({1: 60, 2: 25, 3: 15})

    def _fail(self, route: Route, visit: Visit, usage: Usage, at_ms: int, attempt: int) -> int:
        """Write a failed attempt and return when it ended; some streams broke off after they were billed."""
        code, kind, message = self.dice.by_share(GATEWAY_ERRORS)
        partial = route.stream and code == "500" and self.dice.chance(0.6)
        duration_ms = 60_000 if code == "408" else self.dice.between(90, 900)
        used = Usage()
        if partial:
            output = max(1, usage.output * self.dice.between(10, 80) // 100)
            used = replace(usage, output=output, reasoning=min(usage.reasoning, output))
            duration_ms = 300 + output * 14
        row = self._row(route, visit, used, Attempt(at_ms, duration_ms, attempt))
        row["status"] = row["metadata"]["status"] = "failure"
        row["metadata"]["error_information"] = {
            "error_code": code,
            "error_class": kind,
            "llm_provider": route.provider,
            "error_message": message,
        }
        if partial:
            self.tally.counts["error_billed"] += 1
        else:
            row["metadata"]["usage_object"] = None
            row["completionStartTime"] = None
            row["request_id"] = row["litellm_call_id"]
        self._bill(route, row, used, at_ms, "error")
        return at_ms + duration_ms

    def _cache_hit(self, route: Route, visit: Visit) -> None:
        original, usage = self.dice.pick(self._recent[route.feature][-20:])
        row = self._row(route, visit, usage, Attempt(visit.at_ms, self.dice.between(4, 20)))
        row["request_id"] = f"{original}_cache_hit{visit.at_ms / 1000}"
        row["cache_hit"] = "True"
        self.tally.add(Counted(route.priced_as, usage, visit.at_ms, route.feature, route.tier, "cache_hit"))
        self._rows.append((visit.at_ms, row))

    def _bill(self, route: Route, row: dict[str, Any], usage: Usage, at_ms: int, status: str) -> None:
        list_usd = self.tally.add(Counted(route.priced_as, usage, at_ms, route.feature, route.tier, status))
        spend = list_usd * OPENROUTER_FACTOR if route.provider == "openrouter" else list_usd
        if usage == ABSURD_USAGE:
            spend = ABSURD_USD
        row["spend"] = number(spend)
        self.tally.report(route.provider, list_usd, spend)
        self._rows.append((at_ms, row))

    def _row(self, route: Route, visit: Visit, usage: Usage, attempt: Attempt) -> dict[str, Any]:
        at_ms, duration_ms = attempt.at_ms, attempt.duration_ms
        call_id = (
            f"{at_ms >> 16:08x}-{at_ms & 0xFFFF:04x}-7{self.dice.between(0, 4095):03x}-8a3f-5e1f0c9d2b47"
        )
        team = TEAMS[sum(map(ord, visit.user)) % len(TEAMS)]
        end = iso(at_ms + duration_ms)
        if attempt.number:
            self.tally.counts["retries"] += 1
        return {
            "request_id": self._ids.new(ID_PREFIX.get(route.provider, "cmpl-")),
            "call_type": "anthropic_messages" if route.provider == "anthropic" else "acompletion",
            "api_key": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
            "spend": 0.0,
            "total_tokens": usage.total,
            "prompt_tokens": usage.prompt,
            "completion_tokens": usage.output,
            "startTime": iso(at_ms),
            "endTime": end,
            "request_duration_ms": duration_ms,
            "completionStartTime": iso(at_ms + min(duration_ms, 640)) if route.stream else end,
            "model": route.model,
            "model_id": f"m-{route.feature}",
            "model_group": route.priced_as,
            "custom_llm_provider": route.provider,
            "api_base": f"https://{route.provider}.example.com/v1",
            "user": f"svc-{team[5:]}",
            "metadata": {
                "user_api_key_alias": "prod-key",
                "user_api_key_team_alias": team,
                "user_api_key_user_id": f"svc-{team[5:]}",
                "status": "success",
                "usage_object": _usage_object(route, usage),
                "error_information": None,
                "attempted_retries": attempt.number,
                "max_retries": 2,
                "attempted_fallbacks": 0,
                "original_model_group": None,
                "litellm_call_id": call_id,
            },
            "cache_hit": "False" if route.cache else "None",
            "cache_key": "Cache OFF",
            "request_tags": [f"feature:{route.feature}", "env:prod"],
            "team_id": team,
            "organization_id": None,
            "end_user": "" if route.night else visit.user,
            "requester_ip_address": "",
            "messages": "{}",
            "response": "{}",
            "proxy_server_request": "{}",
            "session_id": visit.session,
            "status": "success",
            "litellm_call_id": call_id,
        }


def _at_night(visit: Visit, dice: Dice) -> Visit:
    """The nightly job runs from 20 to 23 UTC, without a user."""
    midnight = visit.at_ms - (visit.at_ms - MONTH_MS) % (24 * HOUR_MS)
    at_ms = midnight + 20 * HOUR_MS + dice.between(0, 3 * HOUR_MS - 1)
    return Visit(at_ms, "svc-digest", f"s-digest-{(at_ms - MONTH_MS) // (24 * HOUR_MS) + 1:02d}", True)


def _usage_object(route: Route, usage: Usage) -> dict[str, Any]:
    """The provider's usage as LiteLLM keeps it: the prompt includes what was cached, for every provider."""
    prompt_details: dict[str, Any] = {"cached_tokens": usage.cache_read, "audio_tokens": 0}
    made: dict[str, Any] = {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "prompt_tokens_details": prompt_details,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0},
    }
    if "claude" in route.model:
        prompt_details["cache_creation_tokens"] = usage.cache_write_5m
        prompt_details["cache_creation_token_details"] = {
            "ephemeral_5m_input_tokens": usage.cache_write_5m,
            "ephemeral_1h_input_tokens": 0,
        }
        made["cache_creation_input_tokens"] = usage.cache_write_5m
        made["cache_read_input_tokens"] = usage.cache_read
    return made
