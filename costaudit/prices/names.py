"""The shapes of model names in logs: what clouds, gateways and tuners put around the id of a model.

Only what a shape says is here; whether the name inside is in the book is for `costaudit.prices.resolver`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

from costaudit.errors import did_you_mean
from costaudit.prices.conditions import FAST

_SUFFIX: Final = re.compile(r"(-\d{8}|-\d{4}-\d{2}-\d{2}|@\d{8}|@default|@latest|-latest|-v\d+:\d+|:\d+k?)$")
"""A date, a version or a promise of the newest at the end of a name."""

_MARK: Final = re.compile(r"\[\w+\]$")  # Claude Code writes claude-opus-4-8[1m]
_ARN: Final = re.compile(r"arn:aws[\w-]*:(?:bedrock|sagemaker):([\w-]*):\d*:([\w-]+)/(.+)$", re.IGNORECASE)
_VERTEX: Final = re.compile(
    r"(?:projects/[^/]+/locations/[^/]+/|locations/[^/]+/)?publishers/[^/]+/models/(.+)$", re.IGNORECASE
)
_VERTEX_OWN: Final = re.compile(r"projects/[^/]+/locations/[^/]+/(?:endpoints|models)/", re.IGNORECASE)
_BEDROCK_ROUTE: Final = re.compile(r"(?:converse_like|converse|invoke)/", re.IGNORECASE)
_BEDROCK_REGION: Final = re.compile(r"([a-z]{2}(?:-gov|-iso\w?)?-[a-z]+-\d)/", re.IGNORECASE)
_BEDROCK_PROFILE: Final = re.compile(
    r"(?:us-gov|us|eu|apac|jp|au|ca|sa|me|af)\.((?:\w+)\..+)$", re.IGNORECASE
)
_AZURE_ZONE: Final = re.compile(r"(global-standard|global|eu|us)/", re.IGNORECASE)
_VARIANT: Final = re.compile(
    r"(.+):(free|nitro|floor|online|thinking|extended|beta|exacto|batch)$", re.IGNORECASE
)
_TUNED: Final = re.compile(r"(ft:[^:]+)(?::.*)?$|(.+?)(?:\.ft-[0-9a-f]+.*|:ft-.+)$", re.IGNORECASE)

LONGEST: Final = 512
"""Characters of a name that is looked up: no model, alias or ARN has half as many."""

_MOST_SUFFIXES: Final = 8
"""What is taken off the end of a name, at most, one after the other; real names have up to three."""

FREE_MODEL: Final = ":free"
"""The model at OpenRouter that holds the price of its free variants: an explicit zero."""

OPAQUE_ARNS: Final = frozenset({
    "application-inference-profile", "provisioned-model", "custom-model", "custom-model-deployment",
    "imported-model", "prompt-router", "default-prompt-router", "endpoint",
})  # fmt: skip
"""Kinds of ARN whose id does not say which model is behind it."""


class Shape(msgspec.Struct, frozen=True):
    """A name, taken apart."""

    name: str
    """What is left to look up."""
    provider: str | None = None
    """The provider that the shape itself gives away."""
    region: str = ""
    """The region that the name states."""
    opaque: str = ""
    """What the name is when it does not say the model: then it needs a map."""


def shape_of(name: str) -> Shape:
    """What a name says before it is looked up.

    >>> shape_of("arn:aws:bedrock:eu-west-1:12:inference-profile/eu.anthropic.claude-haiku-4-5").name
    'eu.anthropic.claude-haiku-4-5'
    >>> shape_of("publishers/anthropic/models/claude-sonnet-4@20250514")
    Shape(name='claude-sonnet-4@20250514', provider='vertex', region='', opaque='')
    """
    clean = _MARK.sub("", name.strip())
    arn = _ARN.search(clean)
    if arn:
        kind, ident = arn[2].lower(), arn[3]
        opaque = f"a Bedrock {kind}" if kind in OPAQUE_ARNS else ""
        return Shape(ident, "bedrock", "" if kind == "inference-profile" else arn[1], opaque)
    vertex = _VERTEX.search(clean)
    if vertex:
        return Shape(vertex[1], "vertex")
    if _VERTEX_OWN.search(clean):
        return Shape(clean, "vertex", opaque="a Vertex endpoint or tuned model")
    return Shape(clean.removeprefix("models/"))


@lru_cache(maxsize=256)
def stems_of(name: str) -> tuple[str, ...]:
    """A name without its last date, version or `-latest`, without the one before that, and so on.

    >>> stems_of("claude-3-haiku-20240307-v1:0"), stems_of("gpt-4o")
    (('claude-3-haiku-20240307', 'claude-3-haiku'), ())
    """
    stems: list[str] = []
    while len(stems) < _MOST_SUFFIXES and (found := _SUFFIX.search(name)):
        name = name[: found.start()] + name[found.end() :]
        stems.append(name)
    return tuple(stems)


def cloud_route(provider: str, name: str) -> Shape:
    """The route words that LiteLLM writes between a cloud and the model, taken off.

    >>> cloud_route("bedrock", "converse/us-east-1/anthropic.claude-v2").region
    'us-east-1'
    """
    if provider == "azure":
        zone = _AZURE_ZONE.match(name)
        return (
            Shape(name[zone.end() :], region=zone[1] if zone[1] in ("eu", "us") else "")
            if zone
            else Shape(name)
        )
    if provider != "bedrock":
        return Shape(name)
    rest = _BEDROCK_ROUTE.sub("", name, count=1) if _BEDROCK_ROUTE.match(name) else name
    region = _BEDROCK_REGION.match(rest)
    return Shape(rest[region.end() :], region=region[1].lower()) if region else Shape(rest)


def without_profile(name: str) -> str | None:
    """A Bedrock id without the geographic profile; None when it has none. `global.` is another price.

    >>> without_profile("us.anthropic.claude-v2"), without_profile("global.anthropic.claude-v2")
    ('anthropic.claude-v2', None)
    """
    found = _BEDROCK_PROFILE.match(name)
    return found[1] if found else None


def states_profile(name: str) -> bool:
    """Whether a Bedrock id says through which profile it is called, the global one included.

    >>> states_profile("bedrock/us.anthropic.claude-v2"), states_profile("global.anthropic.claude-v2")
    (True, True)
    >>> states_profile("anthropic.claude-v2"), states_profile("us-east-1/anthropic.claude-v2")
    (False, False)
    """
    own = name.rpartition("/")[2].lower()
    return own.startswith("global.") or without_profile(own) is not None


def is_government(region: str | None) -> bool:
    """Whether a region is one of AWS for the government, to which the global profile does not go."""
    return region is not None and region.lower().startswith("us-gov")


def variant_of(name: str) -> tuple[str, str] | None:
    """Base and variant of an OpenRouter id.

    >>> variant_of("deepseek/deepseek-r1:nitro")
    ('deepseek/deepseek-r1', 'nitro')
    """
    found = _VARIANT.match(name)
    return (found[1], found[2].lower()) if found else None


def fast_base(name: str) -> str | None:
    """The model of which a name is the fast mode; None for a name that does not say so.

    >>> fast_base("anthropic/claude-opus-4.8-fast"), fast_base("fast")
    ('anthropic/claude-opus-4.8', None)
    """
    base, dash, word = name.rpartition("-")
    return base if dash and base and word.lower() == FAST else None


def tuned_base(name: str) -> str | None:
    """The name under which the book would hold a fine-tuned model; None for a name that is none.

    >>> tuned_base("ft:gpt-4o-mini-2024-07-18:acme::9xYz"), tuned_base("gpt-4o")
    ('ft:gpt-4o-mini-2024-07-18', None)
    """
    found = _TUNED.match(name)
    if not found:
        return None
    return found[1] or f"ft:{found[2]}"


_VENDOR_DOT: Final = re.compile(r"^[a-z][a-z0-9]*\.(?=[a-z])")
_VERSION: Final = re.compile(r"-v\d+:\d+$")


def short_name(name: str) -> str:
    """The end of a cloud's or host's id: without path, Bedrock vendor and version, lower case.

    >>> short_name("anthropic.claude-3-haiku-20240307-v1:0"), short_name("meta-llama/Llama-3-8b")
    ('claude-3-haiku-20240307', 'llama-3-8b')
    """
    tail = name.rsplit("/", 1)[-1].lower()
    return _VERSION.sub("", _VENDOR_DOT.sub("", tail))


class Suggester:
    """Finds the names closest to an unknown one, fast enough for a log full of unknown names."""

    _SHORTLIST: Final = 48

    def __init__(self, names: Iterable[str]) -> None:
        self._names = sorted(set(names))
        self._with: dict[str, list[int]] = {}
        for place, name in enumerate(self._names):
            for gram in _grams(name):
                self._with.setdefault(gram, []).append(place)

    def suggest(self, name: str) -> str | None:
        """A question that names the closest known names, or None when nothing is close."""
        tail = name.rsplit("/", 1)[-1].lower()[:80]
        shared = Counter(place for gram in _grams(tail) for place in self._with.get(gram, ()))
        ranked = sorted(
            shared, key=lambda place: (-shared[place], abs(len(self._names[place]) - len(tail)), place)
        )
        shortlist = [self._names[place] for place in ranked[: self._SHORTLIST]]
        if tail in shortlist:  # known, but not where it was looked for
            return f"did you mean {tail!r}?"
        return did_you_mean(tail, shortlist)


def _grams(name: str) -> set[str]:
    return {name[i : i + 3] for i in range(max(len(name) - 2, 1))}
