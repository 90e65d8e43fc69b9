"""A first mapping for a log of unknown format, guessed from names of keys and types of values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from costaudit.ingest.adapters.row_values import number
from costaudit.ingest.currency import FOREIGN, foreign_currency
from costaudit.ingest.fields import timestamp_us
from costaudit.ingest.format import Record
from costaudit.ingest.paths import step_text
from costaudit.ingest.trace import Keys, leaves_of


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200 and number(value) is None


def _is_count(value: Any) -> bool:
    found = number(value)
    return found is not None and found.is_integer() and found < 2**53


def _is_number(value: Any) -> bool:
    return number(value) is not None


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (str, int, float))


def _is_time(value: Any) -> bool:
    return timestamp_us(value) is not None


@dataclass(frozen=True, slots=True)
class _Guess:
    """What a field's key might look like, and its value must."""

    field: str
    key: re.Pattern[str]
    """Searched in the last key, without punctuation, in lower case with _ between its words."""
    fits: Callable[[Any], bool]
    not_key: re.Pattern[str] = re.compile(r"(?!)")


def _guess(field: str, key: str, fits: Callable[[Any], bool], not_key: str = r"(?!)") -> _Guess:
    return _Guess(field, re.compile(key), fits, re.compile(not_key))


_PART: Final = r"audio|image|reason|think|cache|detail|rate|cost|price|usd|limit|max|per_"

_NO_COST: Final = r"tok|id$|per_|currency|rate|cent(er|re)"

GUESSES: Final = (
    _guess("timestamp", r"^(timestamp|ts|time|date|datetime|created|created_at|at|t)$", _is_time),
    _guess("timestamp", r"time|date|created|start|_at$", _is_time, r"end|finish|update|expire"),
    _guess("request_id", r"^(request_?id|req_?id|call_?id|id|uuid|call|request)$", _is_scalar),
    _guess("request_id", r"(request|req|call|trace|event).*id$", _is_scalar, r"parent"),
    _guess("provider", r"^(provider|vendor|backend|host)$|provider", _is_text),
    _guess("model", r"^(model|model_?name|model_?id|m|llm|engine|deployment)$", _is_text),
    _guess("model", r"model|engine|deployment", _is_text, r"version|provider|type|tier|map"),
    _guess("cache_read_tokens", r"cache.*(read|hit)|(read|hit).*cache|^cached$|cached_.*tok", _is_count),
    _guess("cache_write_tokens", r"cache.*(writ|creat)|(writ|creat).*cache", _is_count),
    _guess("reasoning_tokens", r"(reason|think|thought).*tok|tok.*(reason|think|thought)", _is_count),
    _guess("input_tokens", r"(prompt|input|in)_.*tok|tok(en)?s?_(prompt|input|in)$", _is_count, _PART),
    _guess("input_tokens", r"^(prompt|input|in|tokens_?in|input_?count|n_?in)$", _is_count),
    _guess("output_tokens", r"(completion|output|out|generated)_.*tok", _is_count, _PART),
    _guess("output_tokens", r"tok(en)?s?_(completion|output|out)$", _is_count, _PART),
    _guess("output_tokens", r"^(completion|output|out|tokens_?out|output_?count|n_?out)$", _is_count),
    _guess("total_tokens", r"total.*tok|tok.*total", _is_count, r"cost|price|usd"),
    _guess("cost_usd", r"cost|spend|charge|price|usd|cents$", _is_number, _NO_COST),
    _guess("latency_ms", r"latency|duration|elapsed|took|_ms$", _is_number, r"token|first|ttft"),
    _guess("status", r"^(status|status_?code|http_?status|outcome|result|ok)$", _is_scalar),
    _guess("endpoint", r"^(endpoint|feature|route|function|task|job|use_?case|operation)$", _is_text),
    _guess("user", r"^(user|user_?id|end_?user|customer_?id|client_?id)$", _is_scalar),
    _guess("session", r"^(session|session_?id|conversation_?id|thread_?id)$", _is_scalar),
)  # fmt: skip

_UNITS: Final = (
    ("cost_usd", re.compile(r"cent"), "cents"),
    ("cost_usd", re.compile(r"micro"), "micro_usd"),
    ("cost_usd", re.compile(r"nano"), "nano_usd"),
    ("latency_ms", re.compile(r"(_s|_sec|_secs|seconds)$"), "s"),
    ("latency_ms", re.compile(r"(_us|micros.*)$"), "us"),
    ("latency_ms", re.compile(r"(_ns|nanos.*)$"), "ns"),
)
"""Units that the name of a key gives away."""


def starter_mapping(record: Record, name: str = "mine") -> str | None:
    """A `[formats.NAME]` table for costaudit.toml; None where no key looks like a model or a token count.

    Holds names of keys, and no value of the record.
    """
    found = _find(record)
    if foreign_currency(record) is not None:
        found.pop("cost_usd", None)
    if not any(field == "model" or field.endswith("_tokens") for field in found):
        return None
    lines = [f"[formats.{name}]", "# guessed from the names of keys: check every line"]
    for field in dict.fromkeys(g.field for g in GUESSES):
        if field in found:
            lines.append(f"{field} = {_value(field, *found[field])}")
        elif field in ("model", "input_tokens", "output_tokens"):
            lines.append(f'# {field} = "…"  # no key looks like it')
    return "\n".join(lines)


def _find(record: Record) -> dict[str, tuple[str, str, Any]]:
    """Path, name of the last key, and value, by field. Of lists only the first item; each path once."""
    leaves = [
        (_path(keys), _word(keys), value)
        for keys, value in leaves_of(record)
        if not any(isinstance(key, int) and key > 0 for key in keys) and all(map(_is_showable, keys))
    ]
    found: dict[str, tuple[str, str, Any]] = {}
    taken: set[str] = set()
    for guess in GUESSES:
        if guess.field in found:
            continue
        for path, word, value in leaves:
            if (
                path not in taken
                and guess.key.search(word)
                and not guess.not_key.search(word)
                and not (guess.field == "cost_usd" and FOREIGN.search(word))
                and guess.fits(value)
            ):
                found[guess.field] = (path, word, value)
                taken.add(path)
                break
    return found


def _is_showable(key: str | int) -> bool:
    return isinstance(key, int) or (key.isprintable() and len(key) <= 64)


def _path(keys: Keys) -> str:
    return ".".join(str(key) if isinstance(key, int) else step_text(key) for key in keys)


def _word(keys: Iterable[str | int]) -> str:
    """The last name, with _ between its words: `promptTokens` is prompt_tokens."""
    last = next((key for key in reversed([*keys]) if isinstance(key, str)), "")
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", last)
    return re.sub(r"[^a-z0-9]+", "_", split.lower()).strip("_")


def _value(field: str, path: str, word: str, value: Any) -> str:
    text = f"'{path}'" if '"' in path and "'" not in path else json.dumps(path, ensure_ascii=False)
    unit = next((u for f, pattern, u in _UNITS if f == field and pattern.search(word)), None)
    if unit is None and field == "latency_ms" and isinstance(value, float) and value < 100 and value % 1:
        unit = "s"  # milliseconds hardly have a fraction when they are so few
    return text if unit is None else f'{{ path = {text}, unit = "{unit}" }}'
