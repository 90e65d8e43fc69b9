"""Portkey's conditions: which requests a route is for, as a query on metadata and parameters.

Source: Portkey's documentation, page "Conditional Routing": `metadata.KEY` and `params.KEY` of two parts,
`$in`, `$regex` (JavaScript, without flags), `$and`, `$or`; a key that is absent fits nothing. Patterns of a
policy match whatever the case, so letters are written in both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from costaudit.questions.exports.model import KeptRequests, RouteWhen

TIER: Final = "metadata.tier"
FEATURE: Final = "metadata.feature"
REGION: Final = "metadata.region"
USER: Final = "metadata._user"
"""Portkey's own name of the user."""
MODEL: Final = "params.model"

_ASKED: Final = (
    (FEATURE, "features"),
    (MODEL, "models"),
    ("metadata.provider", "providers"),
    ("metadata.gateway", "gateways"),
    ("metadata.service_tier", "service_tiers"),
)
"""Where a request says what a list of `RouteWhen` asks."""

Query = dict[str, Any]


def query_of(when: RouteWhen) -> Query:
    """The query that fits the requests of a route."""
    parts: list[Query] = []
    if when.tiers:
        parts.append({TIER: {"$in": [str(tier) for tier in when.tiers]}})
    for key, name in _ASKED:
        parts += _fits(key, getattr(when, name))
    for where in when.residency:
        parts.append(_any([*_fits(REGION, where.regions), *_fits(FEATURE, where.features)]))
    return parts[0] if len(parts) == 1 else {"$and": parts}


def query_of_kept(kept: KeptRequests) -> Query:
    """The query that fits requests that are never moved."""
    return _any([*_fits(FEATURE, kept.features), *_fits(MODEL, kept.models), *_fits(USER, kept.users)])


def _fits(key: str, patterns: Sequence[str]) -> list[Query]:
    return [{key: {"$regex": regex_of(patterns)}}] if patterns else []


def _any(parts: list[Query]) -> Query:
    return parts[0] if len(parts) == 1 else {"$or": parts}


def keys_of(query: Query) -> set[str]:
    """What a query reads."""
    nested = [part for name in ("$and", "$or") for part in query.get(name, [])]
    own = {key for key in query if not key.startswith("$")}
    return own.union(*(keys_of(part) for part in nested))


def regex_of(patterns: Sequence[str]) -> str:
    r"""A regular expression of JavaScript that fits a whole text like one of the patterns, whatever the case.

    >>> print(regex_of(["a1*"]), regex_of(["/x?", "[!b]"]))
    ^[aA]1[\s\S]*$ ^(?:/[xX][\s\S]|[^bB])$
    """
    each = ["".join(map(_of_part, _parts(pattern.lower()))) for pattern in patterns]
    return f"^{each[0]}$" if len(each) == 1 else f"^(?:{'|'.join(each)})$"


_PARTS: Final = re.compile(r"\[!?\]?[^\]]*\]|.", re.DOTALL)
"""A set in brackets, or one character."""


def _parts(pattern: str) -> list[str]:
    """Sets and characters; behind the last closing bracket there are no sets to look for."""
    head, closing, rest = pattern.rpartition("]")
    return [*_PARTS.findall(head + closing), *rest]


_WILD: Final = {"*": r"[\s\S]*", "?": r"[\s\S]"}


def _of_part(part: str) -> str:
    if part in _WILD:
        return _WILD[part]
    if len(part) > 1:
        members = part[1:-1]
        negated = "^" if members.startswith("!") else ""
        return f"[{negated}{_members(members.removeprefix('!'))}]"
    upper = part.upper()
    if upper != part and len(upper) == 1:
        return f"[{part}{upper}]"
    return f"\\{part}" if part in r"\^$.|?*+()[]{}" else part


def _members(members: str) -> str:
    """The members of a set, ranges of letters in both cases."""
    lower = re.sub(r"([\\\]\[^])", r"\\\1", members)
    upper = lower.upper()
    return lower if upper == lower or len(upper) != len(lower) else lower + upper
