"""Flat records under other names: `promptTokens`, `Prompt Tokens`, `INPUT_TOKENS`, and what libraries write.

A name is read by its words, where no name of the flat record says the same thing. Objects that hold usage
may be of any library (`usage`, `usageMetadata`, `token_usage`, `tokens`), and may be text in a cell. What the
words do not say follows from whose names they are:

- AI SDK 6 counts cached tokens in `inputTokens`, and its details say so. AI SDK 5 hands out what Anthropic
  says, which leaves them out, with a total that leaves them out too: there nobody can tell
  (vercel/ai issue 9921).
- LangChain's `input_token_details` are parts of `input_tokens` (langchain-core, `UsageMetadata`).
- `cacheReadInputTokens` and `cacheCreationInputTokens` are Anthropic's names, for tokens beside the input.
- Google's thoughts stand beside the candidates, and the results of tools beside the prompt.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import msgspec

from costaudit.ingest.adapters.flat_fields import (
    FLAT_FIELDS,
    HOLDERS,
    KEYS,
    MODEL_TARGETS,
    USAGE_TARGETS,
    FieldKind,
    Path,
)
from costaudit.ingest.by_words import FRESH, NEUTRAL, PARTS, TOKENS, target_of_words
from costaudit.ingest.fields import mapping, name_of_model
from costaudit.ingest.format import Record, Skip
from costaudit.ingest.naming import in_order
from costaudit.ingest.unused import number_above_0, speaks
from costaudit.ingest.usage import count

SERILOG_TIME: Final = "@t"
"""The time in Serilog's compact JSON."""

USAGE: Final = "usage"
"""What a key says whose object holds counts."""
AROUND: Final = "around"
"""What a key says whose object may hold usage, or what else the record itself lacks."""
SUM: Final = "sum"
"""What a key says that counts the requests of a record."""

_PATHS: Final = frozenset(path for field in FLAT_FIELDS for path in field.paths)
_ROOTS: Final = frozenset(path[0] for path in _PATHS)
_SNAKES: Final = {
    "_".join(in_order(name)): field.target for field in reversed(FLAT_FIELDS) for name in field.names
}
"""What the names of flat records say, by their words in order."""

_COUNTS: Final = {"prompt": "prompt_tokens", "completion": "completion_tokens", "written": "write_any"}
"""Counts of `Stated` that are called otherwise among the targets of flat records."""
_BESIDE: Final = {
    "cache_read_input_tokens": "cache_read_outside",
    "cache_creation_input_tokens": "write_outside",
    "cache_write_input_tokens": "write_outside",
}
"""Names for what stands beside the input, by their words."""
_IN_CAMEL_CASE: Final = frozenset(
    first + "".join(map(str.title, rest))
    for first, *rest in (key.split("_") for key in _BESIDE)
    for first in (first, first.title())
)
"""These as Java, C# and JavaScript write them: `cacheReadInputTokens`."""
_OUTSIDE: Final = {"cache_read": "cache_read_outside", "write_any": "write_outside"}
_SAME: Final = (
    frozenset({"cache_read", "cache_read_outside"}),
    frozenset({"write_any", "write_outside", "write_5m", "write_1h"}),
)
"""Targets of which one that is stated speaks for all."""
_INSIDE: Final = frozenset({"ts", "model_served", "model_requested", "provider", "response_id"})
"""What is taken from an object around the usage."""

_MODEL: Final = frozenset({
    "model", "name", "id", "llm", "ai", "used", "requested", "request", "chat", "version", "metadata",
    "info", "details",
})  # fmt: skip
_PROVIDER: Final = frozenset({"provider", "vendor", "model", "llm", "name", "id", "ai"})
_TIME: Final = frozenset({
    "timestamp", "time", "ts", "date", "datetime", "at", "stamp", "created", "creation", "start", "started",
    "request", "requested", "event", "logged", "log", "occurred", "call", "called", "sent", "utc", "gmt",
    "create", "local",
})  # fmt: skip
_POINT: Final = frozenset({"timestamp", "time", "ts", "date", "datetime", "at", "stamp"})
_COST: Final = frozenset({
    "cost", "costs", "usd", "total", "dollars", "dollar", "us", "request", "call", "response", "llm", "api",
    "amount", "in", "of", "the", "spend",
})  # fmt: skip
_TOTAL_PRICE: Final = frozenset({"total", "price"})
"""What Dify calls the cost of a call; its other prices are those of a token."""
_SUM: Final = frozenset({
    "num", "number", "of", "n", "nb", "total", "count", "model", "llm", "api", "successful", "request",
    "requests", "call", "calls", "invocation", "invocations",
})  # fmt: skip
_HOLDER: Final = frozenset({
    "usage", "token", "tokens", "count", "counts", "metadata", "details", "info", "stats", "llm", "response",
    "model", "data", "total", "provider", "experimental", "native",
})  # fmt: skip
_ENVELOPES: Final = frozenset({
    "response", "result", "response_metadata", "metadata", "meta", "data", "output", "llm_output",
    "completion",
})  # fmt: skip

_LONGEST_TEXT: Final = 1 << 20
_LONGEST_PRINTED: Final = 1 << 14
"""Characters of an object that is text in JSON, and of one as Python prints it."""
_LONGEST_KEY: Final = 100
_DEPTH: Final = 5
_DEEP_GOOGLE: Final = 2
"""Keys on the way to a count from which it is judged whether an object is Google's."""


class Spelled(msgspec.Struct):
    """What a record says under names that flat records do not know as they are."""

    found: dict[str, list[Any]] = msgspec.field(default_factory=dict)
    """The values for targets that no known name states."""
    beside: bool = False
    """The prompt leaves out what was read from the cache and written to it."""
    named_beside: bool = False
    """Cached tokens have the names of Anthropic's and Bedrock's libraries (`cacheReadInputTokens`), which
    count them beside the input: a total that leaves them out is the library's own sum (LangChain4j's
    `AnthropicTokenUsage`, Spring AI) and overrules nothing."""
    open: bool = False
    """Cached tokens are in the prompt or beside it, as the provider has it; no total tells."""
    taken: set[str] = msgspec.field(default_factory=set)
    """Dotted paths of numbers that are read, or that say again what is."""
    left: dict[str, Decimal] = msgspec.field(default_factory=dict)
    """Numbers that nobody reads in objects that flat records do not know, by their dotted paths."""


@lru_cache(maxsize=1 << 13)
def spelled(key: str) -> str | None:
    """What a key of a record says that flat records do not know as it is; None where that is nothing.

    A target of flat records, FRESH, USAGE, AROUND or SUM.

    >>> [spelled(key) for key in ("promptTokens", "Model Name", "tokenUsage", "num_requests", "seed")]
    ['prompt_tokens', 'model_requested', 'usage', 'sum', None]
    """
    if key in _ROOTS or len(key) > _LONGEST_KEY:
        return None
    if key == SERILOG_TIME:
        return "ts"
    words = in_order(key)
    snake = "_".join(words)
    same = _SNAKES.get(snake)
    if same is not None:
        return same
    all_ = frozenset(words)
    if "usage" in all_ and all_ <= _HOLDER:
        return USAGE
    return _count_of(snake, all_) or _fact_of(all_) or _object_of(snake, all_)


def _count_of(snake: str, words: frozenset[str]) -> str | None:
    """The target of a count, by its words."""
    target = _BESIDE.get(snake) or target_of_words(words)
    return None if target is None else _COUNTS.get(target, target)


def _fact_of(words: frozenset[str]) -> str | None:
    if "model" in words and words <= _MODEL:
        return "model_requested"
    if words & {"provider", "vendor"} and words <= _PROVIDER:
        return "provider"
    if words & _POINT and words <= _TIME:
        return "ts"
    if (words & {"cost", "costs", "spend"} and words <= _COST) or words == _TOTAL_PRICE:
        return "cost"
    if words <= _SUM and (words & {"requests", "calls", "invocations"} or {"request", "count"} <= words):
        return SUM
    return None


def _object_of(snake: str, words: frozenset[str]) -> str | None:
    if snake in _ENVELOPES:
        return AROUND
    holds = words & {"usage", "token", "tokens"} or {"provider", "metadata"} <= words
    return USAGE if holds and words <= _HOLDER else None


def is_spelled(key: str) -> bool:
    """Whether a key may say so, wherever it stands."""
    return key not in KEYS and (spelled(key) is not None or _target_in((key,)) is not None)


def paths_in(lines: Iterable[bytes]) -> set[Path]:
    """The keys of lines that are objects, and the paths in the objects that hold usage."""
    found: set[Path] = set()
    for line in lines:
        try:
            record = _RECORD.decode(line)
            found.update((key,) for key, raw in record.items() if bytes(raw) != b"null")
            for key in HOLDERS & record.keys():
                usage = msgspec.json.decode(record[key])
                if isinstance(usage, dict):
                    found.update((key, *path) for path, value in _leaves(usage) if value is not None)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue  # no row of a table: it is read, and told, on its own
    return found


_RECORD: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def stated_elsewhere(paths: Iterable[Path]) -> frozenset[str] | None:
    """The targets that records state at some paths where flat records do not look.

    A record without a value for one of them is to be read on its own. None where all have to be.
    """
    targets = set()
    for path in paths:
        if path in _PATHS or (len(path) > 1 and path[0] not in HOLDERS):
            continue
        says = spelled(path[0]) if len(path) == 1 else _target_in(path[1:])
        if says in {USAGE, SUM, TOOLS} or (len(path) == 1 and says and _object_of(*_words(path[0])) == USAGE):
            return None
        if says is not None:
            targets.add({AROUND: "ts", FRESH: "prompt_tokens"}.get(says, says))
    return frozenset(targets)


def same_as(target: str) -> frozenset[str]:
    """The targets of which one that is stated speaks for this one, too."""
    return next((same for same in _SAME if target in same), frozenset({target}))


TOOLS: Final = "tools"
"""What a number says of the results of tools, which Google counts beside the prompt."""


@lru_cache(maxsize=1 << 12)
def _target_in(path: Path) -> str | None:
    """What a number says in an object that holds usage, by the keys on the way to it.

    Tokens need not be named there.
    """
    words = [in_order(key) for key in path if len(key) <= _LONGEST_KEY]
    if len(words) < len(path) or not words[-1]:
        return None
    last, all_ = "_".join(words[-1]), frozenset(word for part in words for word in part)
    if all_ & {"tool", "tools"} and not all_ & {"web", "search"}:
        return TOOLS if all_ & {"prompt", "input"} and all_ & {"token", "tokens"} else None
    if len(path) == 1 and last in _BESIDE:
        return _BESIDE[last]
    target = target_of_words(all_)
    if target is None and not all_ <= NEUTRAL:
        target = target_of_words(all_ | {"tokens"})
    if target is not None:
        return _COUNTS.get(target, target)
    fact = _fact_of(all_)
    return fact if len(path) == 1 and fact in {"cost", SUM} else None


def spelled_in(record: Record, known: Mapping[str, list[Any]]) -> Spelled | None:
    """What a record says under other names than those under which it states `known` targets.

    None for nothing. Raises Skip for the sum of several requests.
    """
    counted = not known.keys().isdisjoint(USAGE_TARGETS)
    if not any(
        spelled(key) or (key in HOLDERS and isinstance(record[key], (Mapping, str))) for key in record
    ) and (counted or not any(_may_count(value) for value in record.values())):
        return None
    reading = _Reading(known)
    reading.take_record(record)
    return reading.done()


def names_both_sides(counts: Any) -> bool:
    """Whether an object has tokens of what was asked and of what was answered, by the words of its keys.

    >>> names_both_sides({"input_token_count": 7, "output_token_count": 3, "predict_time": 1.2})
    True
    >>> names_both_sides({"input": 7, "output": 3}), names_both_sides({"input_tokens": {"text": 7}})
    (False, False)
    """
    if not isinstance(counts, Mapping):
        return False
    numbers = (key for key, value in counts.items() if isinstance(key, str) and type(value) is int)
    return {_target_in((key,)) for key in numbers if _speaks_of_tokens(key)} >= _SIDES


def _may_count(value: Any) -> bool:
    """Whether a value is an object that may count tokens, or a text of one."""
    return isinstance(value, Mapping) or (
        isinstance(value, str) and value.startswith("{") and "oken" in value and len(value) <= _LONGEST_TEXT
    )


_SIDES: Final = frozenset({"prompt_tokens", "completion_tokens"})
_OF_MANY: Final = frozenset({
    "session", "sessions", "total", "totals", "cumulative", "sum", "sums", "summary", "aggregate",
    "aggregated", "accumulated", "average", "limit", "limits", "budget", "config", "options", "settings",
    "previous", "last", "estimate", "estimated", "max", "quota", "price", "prices", "rates",
})  # fmt: skip
"""Words of keys whose objects are about more than one request, or about none."""


@lru_cache(maxsize=1 << 12)
def _speaks_of_tokens(key: str) -> bool:
    return len(key) <= _LONGEST_KEY and not TOKENS.isdisjoint(in_order(key))


class _Reading:
    """One record on its way to what it says."""

    def __init__(self, known: Mapping[str, list[Any]]) -> None:
        self._known = known
        self._values: dict[str, list[tuple[str, Any]]] = {}
        """For each target the values with their dotted paths."""
        self._out = Spelled()
        self._words: set[str] = set()
        """Words of the counts in objects."""
        self._unseen: set[str] = set()
        """Dotted paths of counts in objects that flat records do not look into."""

    def take_record(self, record: Record) -> None:
        """The keys of a record, and what stands in objects that hold usage."""
        around = []
        for key, value in record.items():
            says = spelled(key)
            inside = _object(value) if says not in {None, "ts"} or key in HOLDERS else None
            if inside is None:
                if says not in {None, USAGE, AROUND}:
                    self._take(str(says), (key,), value)
            elif says in MODEL_TARGETS:
                self._take_model(str(says), key, inside)
            elif key in HOLDERS or _object_of(*_words(key)) == USAGE:
                self._take_usage((key,), inside, seen=key in HOLDERS and isinstance(value, Mapping))
            elif _object_of(*_words(key)) == AROUND:
                around.append((key, inside))
            elif says in _LARGEST:  # details of a count at the top: `prompt_tokens_details`
                self._take_usage((), {key: inside})
        for key, inside in around:
            self._take_around(key, inside)
        if self._known.keys().isdisjoint(USAGE_TARGETS) and self._values.keys().isdisjoint(USAGE_TARGETS):
            self._take_what_names_both_sides(record)

    def _take_model(self, says: str, key: str, about: Mapping[str, Any]) -> None:
        """The name out of an object about a model."""
        name = name_of_model(about) if any(isinstance(value, str) for value in about.values()) else None
        if name is not None:
            self._take(says, (key,), name)

    def _take_what_names_both_sides(self, record: Record) -> None:
        """Counts in an object of any name, or of its usage: where there is one such, and nothing else counts.

        So Replicate has them in `metrics`, Pipecat in `value`, Koog in `metaInfo`, CrewAI in `usage_metrics`,
        LobeChat in the usage of `metadata`.
        """
        found: list[tuple[Path, Mapping[str, Any]]] = []
        for key, cell in record.items():
            if not _may_count(cell) or not _OF_MANY.isdisjoint(in_order(key[:_LONGEST_KEY])):
                continue
            value = _object(cell) or {}
            inner = value.get(USAGE)
            if names_both_sides(value):
                found.append(((key,), value))
            elif isinstance(inner, Mapping) and names_both_sides(inner):
                found.append(((key, USAGE), inner))
        if len(found) != 1:
            return
        path, counts = found[0]
        self._take_usage(path, counts)
        if "ts" not in self._known and "ts" not in self._values:
            for key, value in counts.items():
                if (_SNAKES.get(_words(key)[0]) or spelled(key)) == "ts":
                    self._take("ts", (*path, key), value)

    def _take(self, says: str, path: Path, value: Any) -> None:
        if says == SUM:
            _refuse_sum(path, value)
        elif value is not None and (says in _PARTS or says == "ts" or not isinstance(value, (Mapping, list))):
            self._values.setdefault(says, []).append((".".join(path), value))

    def _take_usage(self, above: Path, usage: Mapping[str, Any], *, seen: bool = False) -> None:
        """The numbers of an object that holds usage; flat records have seen what they know of some."""
        for path, value in _leaves(usage):
            whole = (*above, *path)
            if seen and whole in _PATHS:
                continue
            target = _target_in(path)
            if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
                continue
            if target is not None and (target == SUM or _is_number(value)):
                if len(path) <= _DEEP_GOOGLE:
                    self._words.update(*map(in_order, path))
                self._take(target, whole, value)
                if not seen:
                    self._unseen.add(".".join(whole))
            elif not seen and speaks(path[-1]):
                self._leave(".".join(whole), value)

    def _leave(self, path: str, value: Any) -> None:
        number = number_above_0(value)
        if number is not None:
            self._out.left[path] = number

    def _take_around(self, above: str, inside: Mapping[str, Any]) -> None:
        """The time out of an object around the answer; usage and model, where the record has none."""
        stated = self._known.keys() | self._values.keys()
        counted = not stated.isdisjoint(USAGE_TARGETS)
        wanted = _INSIDE if stated.isdisjoint(MODEL_TARGETS) or not counted else {"ts"}
        for key, value in inside.items():
            usage = None if counted else _object(value)
            if usage is not None and (key in HOLDERS or _object_of(*_words(key)) == USAGE):
                self._take_usage((above, key), usage)
                continue
            says = _SNAKES.get(_words(key)[0]) or spelled(key)
            if says == "request_id" and above == "response":
                says = "response_id"
            if says in wanted:
                self._take(str(says), (above, key), value)

    def done(self) -> Spelled | None:
        """What was found, put together."""
        values, out = self._values, self._out
        if self._words & {"candidates", "thoughts"}:
            self._add(TOOLS, "prompt_tokens")
            self._add("reasoning", "completion_tokens", keep=True)
        self._leave_all(TOOLS)
        if FRESH in values and "prompt_tokens" not in values and "prompt_tokens" not in self._known:
            values["prompt_tokens"], out.beside = values[FRESH], True
            del values[FRESH]
        self._leave_all(FRESH, above=self._largest("prompt_tokens"))  # below, it is a part of the prompt
        out.open = any(
            "_".join(in_order(path.rpartition(".")[2])) == "cached_input_tokens"
            for path, _ in values.get("cache_read", ())
        ) and all(path.count(".") < 2 for path, _ in values["cache_read"])
        out.named_beside = any(
            path.rpartition(".")[2] in _IN_CAMEL_CASE
            for target in _OUTSIDE.values()
            for path, _ in values.get(target, ())
        )
        for target, stated in values.items():
            self._state(_OUTSIDE.get(target, target) if out.beside else target, stated)
        return out if out.found or out.taken or out.left else None

    def _add(self, target: str, to: str, *, keep: bool = False) -> None:
        """Add a count to another that leaves it out."""
        more, sums = self._values.get(target, []), self._values.get(to, [])
        if more and (sums or to == "completion_tokens"):
            (path, number), (added, part) = sums[0] if sums else ("", 0), max(more, key=_size)
            self._values[to] = [(path, (count(number, path) or 0) + (count(part, added) or 0)), *sums[1:]]
            self._out.taken.update(path for path, _ in more)
            if not keep:
                del self._values[target]

    def _largest(self, target: str) -> Decimal:
        """The largest number that is stated for a target, by whatever name; 0 where there is none."""
        known = (number_above_0(value) for value in self._known.get(target, ()))
        stated = (_size(one) for one in self._values.get(target, ()))
        return max((n for n in (*known, *stated) if n is not None), default=Decimal(0))

    def _leave_all(self, target: str, above: Decimal = Decimal(0)) -> None:
        for path, value in self._values.pop(target, ()):
            if _size((path, value)) > above:
                self._leave(path, value)

    def _state(self, target: str, stated: list[tuple[str, Any]]) -> None:
        """The value for a target that no known name states: of several counts the largest."""
        if not same_as(target).isdisjoint(self._known):
            for path, value in stated:
                if path in self._unseen:
                    self._leave(path, value)
            return
        best = max(stated, key=_size) if target in _LARGEST else stated[0]
        self._out.found[target] = [best[1]]
        self._out.taken.update(path for path, _ in stated)


_PARTS: Final = PARTS | {"prompt_tokens", "completion_tokens", *_BESIDE.values()}
"""Counts that are set aside where they are no numbers; `tokens` may be a list of them."""
_LARGEST: Final = frozenset(
    field.target for field in FLAT_FIELDS if field.kind in {FieldKind.COUNT, FieldKind.COST}
)


def _size(stated: tuple[str, Any]) -> Decimal:
    return number_above_0(stated[1]) or Decimal(0)


def _words(key: str) -> tuple[str, frozenset[str]]:
    words = in_order(key)
    return "_".join(words), frozenset(words)


def _refuse_sum(path: Path, value: Any) -> None:
    number = number_above_0(value)
    if number is not None and number > 1:
        raise Skip("aggregate", f"{'.'.join(path)} is above 1: log every request on its own")


def _is_number(value: Any) -> bool:
    return not isinstance(value, str) or number_above_0(value) is not None or value.strip() == "0"


def _object(value: Any) -> Mapping[str, Any] | None:
    """An object, also one that is text in JSON or as Python prints it; None for anything else."""
    if isinstance(value, Mapping):
        return value
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or not value.lstrip().startswith("{"):
        return None
    found = mapping(value.strip())
    if found or len(value) > _LONGEST_PRINTED:
        return found or None
    try:
        found = ast.literal_eval(value.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    return found if isinstance(found, Mapping) else None


def _leaves(usage: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The values of an object that holds usage, with the keys on the way to them."""
    for key, value in usage.items():
        if not isinstance(key, str):
            continue
        path = (*above, key)
        if isinstance(value, Mapping) and len(path) < _DEPTH:
            yield from _leaves(value, path)
        elif isinstance(value, list):
            yield from _modalities(path, value)
        else:
            yield path, value


def _modalities(path: Path, parts: list[Any]) -> Iterator[tuple[Path, Any]]:
    """Google's lists of tokens by modality."""
    sums: dict[str, int] = {}
    for part in parts[:100]:
        if not isinstance(part, Mapping):
            continue
        tokens = part.get("tokenCount", part.get("token_count", part.get("tokens")))
        kind = str(part.get("modality")).rpartition(".")[2].lower()
        if type(tokens) is int and kind.isidentifier():
            sums[kind] = sums.get(kind, 0) + tokens
    if sums and "cache" in in_order(path[-1]):  # where no whole is stated, its parts are all there is
        yield (*path, "cached"), sum(sums.values())
        sums.pop("video", None)  # Gemini's cached video costs what cached text does
    for kind, number in sums.items():
        yield (*path, kind), number
