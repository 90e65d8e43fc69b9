"""support_chat: request and response pairs as a home-made logger writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Final

from .chance import HOUR_MS, MONTH_MS, Dice, Ids, Visit, iso, moment, visits
from .texts import INTENTS, Given, Writer, to_json, tokens_in
from .totals import Counted, Tally, Usage

SNAPSHOTS: Final = {
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-5.4": "gpt-5.4-2026-03-05",
    "gpt-5.4-mini": "gpt-5.4-mini-2026-03-17",
    "gpt-6.1-sol": "gpt-6.1-sol",
}
KEYWORD_SCHEMA: Final = {
    "type": "json_schema",
    "json_schema": {
        "name": "keywords",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"keywords": {"type": "array", "items": {"type": "string"}}},
            "required": ["keywords"],
            "additionalProperties": False,
        },
    },
}
RESPONSE_FORMATS: Final[dict[str, Any]] = {
    "json_object": {"type": "json_object"},
    "json_schema": KEYWORD_SCHEMA,
}
OPENAI_ERRORS: Final = {
    ("Rate limit reached for requests", "requests", "rate_limit_exceeded"): 60,
    ("The server had an error while processing your request", "server_error", "server_error"): 25,
    ("Request timed out", "timeout", "timeout"): 15,
}
LEFT_OUT: Final = "[answer left out by the logger]"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One successful call before it is written down."""

    at_ms: int
    request: dict[str, Any]
    response_id: str
    content: str
    usage: Usage
    finish: str

    def line(self) -> dict[str, Any]:
        """The log record."""
        usage = self.usage
        return {
            "timestamp": iso(self.at_ms),
            "request": self.request,
            "response": {
                "id": self.response_id,
                "object": "chat.completion",
                "created": self.at_ms // 1000,
                "model": SNAPSHOTS[self.request["model"]],
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": self.content},
                        "finish_reason": self.finish or None,
                    }
                ],
                "usage": {
                    "prompt_tokens": usage.prompt,
                    "completion_tokens": usage.output,
                    "total_tokens": usage.total,
                    "prompt_tokens_details": {"cached_tokens": usage.cache_read, "audio_tokens": 0},
                    "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0},
                },
                "service_tier": "default",
            },
        }


class ChatLog:
    """Makes support_chat: lines in time order, and their totals."""

    def __init__(self, templates: Mapping[str, Any]) -> None:
        self.dice = Dice("support_chat")
        self.tally = Tally()
        self._ids = Ids(self.dice)
        self._writer = Writer(self.dice, templates)
        self._features: list[dict[str, Any]] = templates["feature"]
        self._edges = list(accumulate(feature["share"] for feature in self._features))
        self._prefix_seen_ms: dict[str, int] = {}
        self._lines: list[tuple[int, str, int, str]] = []

    def lines(self, count: int) -> list[str]:
        """The log with about `count` requests.

        The logger writes one file per day and feature; they were put together into one.
        """
        for visit in visits(self.dice, count):
            self._visit(visit)
        self._lines.sort(key=lambda line: line[:3])
        lines = self._broken([line[-1] for line in self._lines])
        self.tally.counts["records"] = len(lines)
        return lines

    def _visit(self, visit: Visit) -> None:
        feature = self.dice.weighted(self._features, self._edges)
        given = self._writer.kinds[feature["kind"]]()
        given["opened"] = moment(visit.at_ms).strftime("%Y-%m-%d %H:%M:%S")
        request = self._request(feature, given, visit)
        at_ms = visit.at_ms
        if self.dice.chance(0.016):
            self._failure(feature, request, at_ms)
            if self.dice.chance(0.2):
                return
            at_ms += self.dice.between(900, 9_000)
            self.tally.counts["retries"] += 1
        exchange = self._answer(feature, given, request, at_ms)
        if feature.get("response_format") == "json_schema" and self.dice.chance(0.03):
            cut = replace(exchange.usage, output=feature["max_tokens"])
            exchange = replace(exchange, usage=cut, finish="length", content='{"keywords": ["order", "ord')
            self._write(feature, exchange)
            self.tally.counts["retries"] += 1
            exchange = self._answer(feature, given, request, at_ms + self.dice.between(2_000, 6_000))
        self._write(feature, exchange)

    def _request(self, feature: Mapping[str, Any], given: Given, visit: Visit) -> dict[str, Any]:
        fill = self._writer.fill
        messages = [{"role": "system", "content": fill(feature["system"], given)}]
        if feature["kind"] == "conversation":
            messages += self._writer.turns()
        messages.append({"role": "user", "content": fill(self.dice.pick(feature["asks"]), given)})
        request: dict[str, Any] = {
            "model": self.dice.by_share(feature["models"]),
            "messages": messages,
            "max_tokens": feature["max_tokens"],
        }
        if "response_format" in feature:
            request["response_format"] = RESPONSE_FORMATS[feature["response_format"]]
        if "tools" in feature:
            request["tools"] = [_tool(name) for name in feature["tools"]]
        request["user"] = visit.user
        request["metadata"] = {"feature": feature["name"], "session_id": visit.session}
        return request

    def _answer(
        self, feature: Mapping[str, Any], given: Given, request: dict[str, Any], at_ms: int
    ) -> Exchange:
        content = self._content(feature["name"], given)
        reasoning = 0
        if content is None:
            visible = self.dice.lognormal(**feature["output"])
            if "reasoning" in feature:
                limit = feature["max_tokens"] * 3 // 4
                reasoning = min(-(-self.dice.lognormal(**feature["reasoning"]) // 64) * 64, limit // 64 * 64)
        else:
            visible = tokens_in(content)
        output = min(visible + reasoning, feature["max_tokens"])
        prompt = _prompt_tokens(request)
        cached = self._cached(request, at_ms)
        usage = Usage(prompt - cached, cached, 0, output, reasoning)
        finish = "length" if output < visible + reasoning else "stop"
        response_id = self._ids.new("chatcmpl-")
        text = LEFT_OUT if content is None else content
        return Exchange(at_ms, request, response_id, text, usage, finish)

    def _content(self, feature: str, given: Given) -> str | None:
        """The answer where it is short, else None: this logger leaves long answers out."""
        if feature == "ticket_triage":
            return given["label"]
        if feature == "intent_detection":
            return json.dumps({"intent": INTENTS[given["label"]]})
        if feature == "keyword_extraction":
            words = set(re.findall(r"[a-z]{6,}", given["ticket"].lower()))
            return json.dumps({"keywords": sorted(words, key=lambda word: (-len(word), word))[:5]})
        return given.get("answer")

    def _cached(self, request: dict[str, Any], at_ms: int) -> int:
        """Tokens read from the provider's prompt cache: a seen prefix of 1,024 or more, in steps of 128."""
        system = request["messages"][0]["content"]
        article = system + request["messages"][1]["content"].partition("\n\nQuestion:")[0]
        cached = 0
        for prefix in (system, article):
            seen_ms = self._prefix_seen_ms.get(prefix)
            self._prefix_seen_ms[prefix] = at_ms
            if seen_ms is not None and at_ms - seen_ms < HOUR_MS and tokens_in(prefix) >= 1024:
                cached = tokens_in(prefix) // 128 * 128
        return cached if self.dice.chance(0.9) else 0

    def _write(self, feature: Mapping[str, Any], exchange: Exchange) -> None:
        model: str = exchange.request["model"]
        self.tally.add(Counted(model, exchange.usage, exchange.at_ms, feature["name"], feature["tier"]))
        lines = [exchange]
        if self.dice.chance(0.004):
            shown = max(1, (exchange.usage.output - exchange.usage.reasoning) // 2)
            early = replace(exchange.usage, output=shown, reasoning=0)
            lines.insert(self.dice.between(0, 1), replace(exchange, usage=early, finish=""))
            self.tally.counts["duplicates"] += 1
        for line in lines:
            self._log(feature, exchange.at_ms, line.line())

    def _failure(self, feature: Mapping[str, Any], request: dict[str, Any], at_ms: int) -> None:
        message, kind, code = self.dice.by_share(OPENAI_ERRORS)
        self.tally.add(Counted(request["model"], Usage(), at_ms, feature["name"], feature["tier"], "error"))
        record = {
            "timestamp": iso(at_ms),
            "request": request,
            "response": {"error": {"message": message, "type": kind, "param": None, "code": code}},
        }
        self._log(feature, at_ms, record)

    def _log(self, feature: Mapping[str, Any], at_ms: int, record: Mapping[str, Any]) -> None:
        day = (at_ms - MONTH_MS) // (24 * HOUR_MS)
        self._lines.append((day, feature["name"], at_ms, to_json(record)))

    def _broken(self, lines: list[str]) -> list[str]:
        """Add what crashes and bugs leave behind: five lines that are no JSON, one impossible usage."""
        spots = self.dice.sample(6, len(lines) - 1)
        whole = [lines[spot] for spot in spots]
        impossible = re.sub(r'"prompt_tokens":\d+', '"prompt_tokens":-1', whole[5], count=1)
        if impossible == whole[5]:
            impossible = to_json({"model": "gpt-5.4", "usage": {"prompt_tokens": -1, "completion_tokens": 3}})
        added = [
            whole[0][: len(whole[0]) // 3],
            whole[1][: len(whole[1]) - 40],
            "2026-10-14T11:02:33 ERROR log worker restarted, buffer lost",
            whole[3][: len(whole[3]) // 2] + whole[3],
            '{"timestamp":"2026-10-21T08:00:00.000Z","request":{"model":"gpt-5.4","messages":[}}',
            re.sub(r'"chatcmpl-\w+"', '"chatcmpl-NEGATIVE"', impossible),
        ]
        for spot, text in reversed(list(zip(spots, added, strict=True))):
            lines.insert(spot + 1, text)
        self.tally.counts["broken_lines"] = 5
        self.tally.counts["impossible_usage"] = 1
        return lines


def _tool(name: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"sql": {"type": "string"}}, "required": ["sql"]}
    return {
        "type": "function",
        "function": {"name": name, "description": f"{name} on the replica", "parameters": parameters},
    }


def _prompt_tokens(request: Mapping[str, Any]) -> int:
    tokens = 3 + sum(4 + tokens_in(message["content"]) for message in request["messages"])
    for extra in ("response_format", "tools"):
        if extra in request and request[extra] != {"type": "json_object"}:
            tokens += tokens_in(to_json(request[extra]))
    return tokens
