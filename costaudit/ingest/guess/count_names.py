"""What the name of a column says of a count of tokens, how clearly, and what speaks against it."""

from __future__ import annotations

from typing import Final

import msgspec

from costaudit.ingest.adapters.flat_fields import BY_TARGET, FieldKind
from costaudit.ingest.adapters.mapped import TARGETS
from costaudit.ingest.by_words import FRESH, target_of
from costaudit.ingest.guess.survey import LogColumn

INPUT, OUTPUT, TOTAL = "input_tokens", "output_tokens", "total_tokens"
EXACT_NAME, CLEAR, MARKED, WEAK = 4, 3, 2, 1
"""How clear a name is: a flat record's own, all of its words known, with further words, without tokens."""

_BY_WORDS: Final = {
    "prompt": INPUT, "completion": OUTPUT, "total": TOTAL, FRESH: INPUT, "cache_read": "cache_read_tokens",
    "written": "cache_write_tokens", "write_5m": "cache_write_5m_tokens", "write_1h": "cache_write_1h_tokens",
    "reasoning": "reasoning_tokens", "web_searches": "web_searches",
}  # fmt: skip
_AGAINST: Final = {
    "running": "a running sum", "cost": "money", "usd": "money", "foreign": "money", "cents": "money",
    "currency": "money", "per": "a rate", "time": "time", "start": "time", "latency": "time", "ms": "time",
    "s": "time", "us": "time", "ns": "time", "limit": "a limit", "share": "a share", "average": "an average",
    "estimate": "an estimate", "size": "a length", "things": "something else", "id": "an id",
    "session": "a whole session", "user": "a whole account", "account": "a whole account",
    "feature": "a whole job", "trace": "a whole trace", "parent": "a whole trace", "error": "errors",
    "other": "another call", "million": "millions", "status": "a state", "end": "time",
}  # fmt: skip
"""Words with which a name is about something else than the tokens of one call."""


class CountName(msgspec.Struct, frozen=True):
    """What a name says of a count."""

    field: str
    clear: int
    fresh: bool = False
    """The input without what was read from the cache."""
    thousand: bool = False
    """It counts in thousands."""


def count_name(column: LogColumn) -> CountName | str | None:
    """What a name says of a count; where it speaks of tokens, what it is about instead; None for neither."""
    target = TARGETS.get(column.key)
    if target is not None and BY_TARGET[target].kind is FieldKind.COUNT:
        return CountName(_field_of(target), EXACT_NAME)
    outside = _OUTSIDE.get(column.key)
    if outside is not None:
        return CountName(outside, EXACT_NAME, fresh=True)
    by_words = target_of(column.key)
    if by_words is not None and not (by_words == "total" and {"in", "out"} & column.words.known):
        return CountName(_BY_WORDS.get(by_words, f"{by_words}_tokens"), CLEAR, fresh=by_words == FRESH)
    words = column.words
    against = next((what for word, what in _AGAINST.items() if word in words), None)
    if against is not None:
        return against if "token" in words or {"in", "out"} & words.known else None
    has_token = "token" in words or column.is_usage
    field = _field(words.known | {"token"} if column.is_usage and words.known else words.known)
    if field is None:
        return None
    clear = (MARKED if words.others else CLEAR) if has_token else (0 if words.others else WEAK)
    return CountName(field, clear, thousand="thousand" in words) if clear else None


SHORT: Final = {
    "ptok": "ctok", "ptoks": "ctoks", "ctok": "ptok", "ctoks": "ptoks", "itok": "otok", "itoks": "otoks",
    "otok": "itok", "otoks": "itoks",
}  # fmt: skip
"""Names that a single letter tells apart, each with the one that has to be there too."""

_OUTSIDE: Final = {
    "cache_read_input_tokens": "cache_read_tokens",
    "cache_creation_input_tokens": "cache_write_tokens",
}
"""Names that say that cached tokens stand beside the input."""


def _field_of(target: str) -> str:
    return {"prompt_tokens": INPUT, "completion_tokens": OUTPUT}.get(target, BY_TARGET[target].names[0])


def _field(known: frozenset[str]) -> str | None:
    """The count that concepts speak of."""
    has_token = "token" in known
    if "media" in known:
        return None
    if "reasoning" in known or "cache" in known:
        return _part(known, has_token=has_token)
    asked = "in" in known or (has_token and "request" in known and "out" not in known)
    answered = "out" in known or "response" in known
    if asked or answered:
        return None if asked and answered else INPUT if asked else OUTPUT
    is_total = (has_token or known == {"total"}) and known.isdisjoint({"read", "write", "request"})
    return TOTAL if is_total else None


def _part(known: frozenset[str], *, has_token: bool) -> str | None:
    """What was thought, read from the cache or written to it."""
    if "reasoning" in known:
        return "reasoning_tokens" if has_token else None
    if "write" in known:
        return "cache_write_tokens"
    return "cache_read_tokens" if "read" in known or has_token else None
