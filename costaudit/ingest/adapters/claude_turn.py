"""The end of a turn of Claude Code: its sums complete the calls that lines have shown, and tell of others.

`usage` of the `result` line are the sums of the turn's own messages; `modelUsage` and `total_cost_usd` those
of everything since the program began (its issue 83239), by model, with calls that no line shows: titles, some
sub-agents. What the shown calls lack to the sums of their model is theirs; the rest is a further call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from costaudit.ingest.adapters.claude_totals import (
    RunSums,
    counts_of_call,
    counts_of_model,
    counts_of_usage,
    missing_outputs,
    shared,
)
from costaudit.ingest.fields import mapping, picousd, text
from costaudit.ingest.format import Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.usage import count
from costaudit.schema import Call, Quality, Status
from costaudit.stated import Stated

WINDOW: Final = 200_000
"""Tokens of a prompt up to which no model of Anthropic has another price."""

ALL: Final = ""
"""In the place of a model, where the sums are not told apart by it."""


class Shown(msgspec.Struct):
    """A call that lines of the run show, with its raw counts."""

    call: Call
    said: int = 0
    """Bytes of its answer."""
    lines: set[str | None] = msgspec.field(default_factory=set)
    """Ids of the lines that were counted."""


class Session(msgspec.Struct):
    """What the lines of a session have said so far."""

    ident: str | None
    model: str | None = None
    """The model that the session began with."""
    shown: dict[str, Shown] = msgspec.field(default_factory=dict)
    """Calls of the turn, by their ids."""
    told: dict[str, RunSums] = msgspec.field(default_factory=dict)
    """The sums by model at the end of the turn before."""
    cost: int = 0
    """The cost, in pico-dollars, at the end of the turn before."""

    def finish(self, record: Record) -> list[Call]:
        """The calls of the turn as its sums complete them, and those that no line showed."""
        shown = list(self.shown.values())
        sums, cost = self._sums(record)
        groups = [_completed_or_new(self, record, m, c, _of_model(shown, m)) for m, c in sums.items()]
        costs = [c.cost for c in sums.values()]
        weights = costs if any(costs) else [c.weight for c in sums.values()]
        for group, share in zip(groups, shared(cost, weights), strict=True):
            _set_costs(group, share)
        found = [call for group in groups for call in group]
        self.shown.clear()
        return found if found or shown else list(_failure(record))

    def _sums(self, record: Record) -> tuple[dict[str, RunSums], int]:
        """The sums of the turn by model, and its cost."""
        usage = counts_of_usage(mapping(record.get("usage")))
        now = {m: counts_of_model(mapping(said)) for m, said in mapping(record.get("modelUsage")).items()}
        cost = picousd(record.get("total_cost_usd")) or sum(c.cost for c in now.values())
        if not now:
            now = {ALL: usage} if usage.side or usage.output else {}
            began = cost < self.cost
            sums = now
        else:
            sums = {m: counts.minus(self.told.get(m, RunSums())) for m, counts in now.items()}
            seen = sum(counts_of_call(one.call).side for one in self.shown.values()) or usage.side
            began = _fits_better(now, sums, seen)
            self.told, sums = now, now if began else sums
        before, self.cost = self.cost, cost
        return sums, cost if began else max(cost - before, 0)


def _fits_better(now: Mapping[str, RunSums], since: Mapping[str, RunSums], seen: int) -> bool:
    """Whether the sums are those of a program that began anew, by the prompts that were seen."""
    if any(min(msgspec.structs.astuple(counts)[:5]) < 0 for counts in since.values()):
        return True
    distances = (abs(sum(c.side for c in sums.values()) - seen) for sums in (now, since))
    return next(distances) < next(distances)


def _of_model(shown: Sequence[Shown], model: str) -> list[Shown]:
    """The calls of a model; a large window is told behind its name (`…[1m]`)."""
    name = model.partition("[")[0]
    return [one for one in shown if model == ALL or (one.call.model or "").partition("[")[0] == name]


def _completed_or_new(
    session: Session, record: Record, model: str, sums: RunSums, shown: Sequence[Shown]
) -> list[Call]:
    """The calls of one model."""
    rest = sums.minus(*(counts_of_call(one.call) for one in shown))
    open_ = [one for one in shown if not one.call.final]
    calls = [counts_of_call(one.call) for one in open_]
    missing = missing_outputs(calls, [one.said for one in open_], rest)
    done = [_completed(one.call, 0) for one in shown if one.call.final]
    done += [_completed(one.call, more) for one, more in zip(open_, missing, strict=True)]
    left = rest.minus(RunSums(output=sum(missing))).above_0()
    if done:
        done[-1].web_searches += left.searches
    new = [_unseen(session, record, model, left, alone=not shown)] if left.side or left.output else []
    return [*done, *new]


def _completed(call: Call, more: int) -> Call:
    """A call with the output that its line left out."""
    stated = call.stated or Stated()
    whole = msgspec.structs.replace(stated, completion=(stated.completion or 0) + more, unused=None)
    return msgspec.structs.replace(call, stated=whole, final=True, quality=Quality.EXACT.value)


def _unseen(session: Session, record: Record, model: str, left: RunSums, *, alone: bool) -> Call:
    """What no line shows: the sum of one or several calls, none of them longer than a context window."""
    turns = count(record.get("num_turns"), "num_turns") or 1
    lasting = mapping(mapping(record.get("usage")).get("cache_creation")).get("ephemeral_1h_input_tokens")
    hour = count(lasting, "ephemeral_1h_input_tokens") or 0 if alone else 0
    first = next(iter(session.shown.values()), None)
    run = text(record.get("uuid")) or text(record.get("total_cost_usd"))
    return Call(
        response_id=f"claude-run:{session.ident}:{run}:{model}",
        provider=first.call.provider if first is not None else _provider(model),
        model=model or session.model,
        web_searches=left.searches if alone else 0,
        longest_prompt=WINDOW if left.side <= max(turns, 1) * WINDOW else None,
        final=True,
        stated=Stated(
            prompt=left.prompt,
            completion=left.output,
            cache_read=left.read,
            written=left.written,
            write_1h=min(left.written, hour),
            includes=includes("anthropic", "messages"),
        ),
    )


def _provider(model: str) -> str:
    """Who serves a model, by how its name is spelled."""
    return "bedrock" if "anthropic." in model else "vertex" if "@" in model else "anthropic"


def _set_costs(calls: Sequence[Call], cost: int) -> None:
    """Share the cost of a model out among its calls."""
    weights = [counts_of_call(call).weight for call in calls]
    for call, part in zip(calls, shared(cost, weights), strict=True):
        call.reported_picousd = part if cost else None


def _failure(record: Record) -> Iterator[Call]:
    """The call of a run that failed before any tokens were counted."""
    if record.get("is_error") is True:
        yield Call(
            status=Status.ERROR.value,
            quality=Quality.NONE.value,
            error_code=text(record.get("api_error_status")) or text(record.get("subtype")),
            provider="anthropic",
            final=True,
        )


def usage_is_there(message: Mapping[str, Any]) -> bool:
    """Whether a message states its usage and was not made up by the program."""
    return message.get("model") != "<synthetic>" and isinstance(message.get("usage"), Mapping)
