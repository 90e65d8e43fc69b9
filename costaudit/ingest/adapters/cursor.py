"""Cursor: the export of usage events of its dashboard (CSV), and the events of its Admin API.

The four columns of tokens are apart, as `Total Tokens` shows: input that was written to the cache, input that
was not, what was read from it, output. Where the total is that of the larger input alone, the one column
holds the other. An event is a turn of an agent: the sum of its calls. Without Max Mode none of them had a
prompt of more than 200,000 tokens. `Cost` is text (`Included`, `Free`, `-`) where nothing was charged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.row_facts import set_cost, set_usd
from costaudit.ingest.adapters.row_values import ABSENT, objects, picousd_of
from costaudit.ingest.fields import first, mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count, grouped
from costaudit.schema import Call, Quality, Status
from costaudit.stated import Stated

GATEWAY: Final = "cursor"
WRITTEN, FRESH, READ = "Input (w/ Cache Write)", "Input (w/o Cache Write)", "Cache Read"
OUTPUT, TOTAL = "Output Tokens", "Total Tokens"
COLUMNS: Final = (WRITTEN, FRESH, READ, OUTPUT)

USUAL_WINDOW: Final = 200_000
"""Tokens of a prompt without Max Mode (Cursor's page on context)."""

PAGES: Final = ("usageEvents", "usageEventsDisplay")
"""Keys under which the Admin API and the dashboard hold events."""

_KNOWN: Final = frozenset({
    "inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens", "totalCents", "discountPercentOff",
})  # fmt: skip
_KNOWN_COLUMNS: Final = frozenset({*COLUMNS, TOTAL, "Cost", "Cost to you", "Cost ($)"})

_EFFORT: Final = re.compile(r"-(?:thinking|minimal|low|medium|high|xhigh)$")
_CLAUDE: Final = re.compile(r"claude-(\d+(?:\.\d+)?)-(opus|sonnet|haiku)")
FAST: Final = "-fast"


def is_cursor(record: Record) -> bool:
    """True for a row of the export, an event of the API, or a page of them."""
    if WRITTEN in record and FRESH in record:
        return "Model" in record
    if any(key in record for key in PAGES):
        return True
    return isinstance(record.get("tokenUsage"), Mapping) and "kind" in record and "timestamp" in record


def calls_from_cursor(record: Record) -> list[Call]:
    """The call of a row or event, or those of a page. Raises Skip for impossible usage."""
    if WRITTEN in record:
        return [_row(record)]
    page = next((record[key] for key in PAGES if key in record), None)
    return [_event(event) for event in (objects(page) if page is not None else [record])]


def _row(row: Record) -> Call:
    call = _call(row.get("Date"), row.get("Model"), row.get("Kind"), row.get("Max Mode"))
    call.user, call.session = text(row.get("User")), text(row.get("Cloud Agent ID"))
    written, fresh, read, output = (_tokens(row.get(name), name) for name in COLUMNS)
    total = _tokens(row.get(TOTAL), TOTAL)
    inside = (read or 0) + (output or 0) + (written or 0)
    if total is not None and total == inside != inside + (fresh or 0) and (written or 0) >= (fresh or 0):
        written = (written or 0) - (fresh or 0)
    _set_tokens(call, Stated(prompt=fresh, completion=output, cache_read=read, written=written, total=total))
    if call.stated is not None:
        call.stated.unused = unused_numbers(row, _KNOWN_COLUMNS)
    set_usd(call, first(row, "Cost to you", "Cost", "Cost ($)"))
    if call.reported_picousd is None:
        set_usd(call, row.get("Cost"))
    return call


def _event(event: Mapping[str, Any]) -> Call:
    """An event of the API, with its model's cost and what was charged, in cents."""
    usage = mapping(event.get("tokenUsage"))
    call = _call(event.get("timestamp"), event.get("model"), event.get("kind"), event.get("maxMode"))
    call.user = text(first(event, "userEmail", "owningUser"))
    names = ("inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens")
    fresh, output, read, written = (count(grouped(usage.get(name)), name) for name in names)
    _set_tokens(call, Stated(prompt=fresh or 0, completion=output or 0, cache_read=read, written=written))
    if call.stated is not None:
        call.stated.unused = unused_numbers(usage, _KNOWN, "tokenUsage.")
    charged = picousd_of(event.get("chargedCents"), 100)
    set_cost(call, charged or picousd_of(usage.get("totalCents"), 100))
    return call


def _call(when: Any, model: Any, kind: Any, max_mode: Any) -> Call:
    """An event without its counts."""
    name, said = model_name(model), (text(kind) or "").lower()
    plain, fast = _plain_model(name)
    is_max = max_mode is True or (text(max_mode) or "").lower() in ("yes", "true")
    word = re.sub(r"[^a-z]+", "-", said.removeprefix("usage_event_kind_")).strip("-")
    call = Call(
        ts=timestamp_us(int(when) if isinstance(when, str) and when.isdecimal() else when),
        model=plain,
        model_requested=name,
        gateway=GATEWAY,
        service_tier="priority" if fast and (plain or "").startswith("gpt") else None,
        speed="fast" if fast and (plain or "").startswith("claude") else None,
        feature=GATEWAY,
        tags=",".join(tag for tag in (f"kind:{word}" if word else "", "max" if is_max else "") if tag)
        or None,
        longest_prompt=None if is_max else USUAL_WINDOW,
        final=True,
    )
    if "error" in said:
        call.status = Status.ERROR.value
    elif "abort" in said:
        call.status = Status.CANCELLED.value
    return call


def _set_tokens(call: Call, stated: Stated) -> None:
    """Note the counts; those of an event that failed without any are no measurement."""
    stated.includes, stated.zeros_are_nothing = includes(None, "agent"), True
    if all(number is None for number in (stated.prompt, stated.completion)):
        call.quality = Quality.NONE.value
    else:
        call.stated = stated


def _plain_model(name: str | None) -> tuple[str | None, bool]:
    """The model as its vendor calls it, without effort and thinking, and whether it ran faster.

    >>> _plain_model("claude-4.5-sonnet-thinking"), _plain_model("gpt-5-high-fast")
    (('claude-sonnet-4.5', False), ('gpt-5', True))
    """
    if name is None:
        return None, False
    plain = name.removesuffix(FAST)
    while (shorter := _EFFORT.sub("", plain)) != plain:
        plain = shorter
    found = _CLAUDE.fullmatch(plain)
    plain = f"claude-{found[2]}-{found[1]}" if found and float(found[1]) >= 4 else plain
    return plain, name.endswith(FAST)


def _tokens(value: Any, name: str) -> int | None:
    """A count; the dash of an event that failed is none."""
    return None if value in ABSENT else count(grouped(value), name)


ADAPTER: Final = Adapter(
    name="cursor",
    title="Cursor: usage events (CSV of the dashboard, Admin API)",
    matches=is_cursor,
    calls=calls_from_cursor,
    needs=("Model", WRITTEN, FRESH),
)
