"""Which columns name the model and the provider: by their values in the price book, and by their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import Final

from costaudit.ingest.adapters.flat_fields import BY_TARGET
from costaudit.ingest.guess.survey import LONG, LogColumn
from costaudit.ingest.guess.work import Work, alike, named

_NEUTRAL: Final = frozenset({"name", "count", "id", "requested", "served", "response", "request", "model"})
_SERVED: Final = frozenset(BY_TARGET["model_served"].names)
_REQUESTED: Final = frozenset(BY_TARGET["model_requested"].names)
_PRECISE: Final = frozenset({"requested", "request"})
_MOST_PROVIDERS: Final = 60
_PROBE: Final = 50
"""Different values of which one has to be a model for the others to be looked up."""


def find_models(work: Work) -> None:
    """Take the column of the model, and that of the model which was asked for where both are there."""
    found = [c for c in work.columns if _holds_models(work, c)]
    vetoed = [c for c in found if "other" in c.words and c.key not in _SERVED | _REQUESTED]
    by_value = [c for c in found if c not in vetoed]
    work.leave(vetoed, "its values are names of models, but its name does not speak of the one that answered")
    chosen = by_value or [c for c in work.columns if _is_named(c) and c.is_text]
    if not chosen:
        _refuse(work, vetoed)
        return
    first, *others = _told_apart(work, chosen)
    if not others:
        _take(work, "model", first)
        return
    served, requested = _roles([first, *others])
    if served is None or requested is None:
        both = [first, *others]
        work.leave(
            both, f"{named(both)} hold other models in some records, and nothing tells which one answered"
        )
        work.refuse(work.left[first.path])
        return
    _take(work, "model", requested)
    _take(work, "response_model", served)


def _refuse(work: Work, vetoed: Sequence[LogColumn]) -> None:
    prices = work.prices
    for path, texts in work.survey.lists.items():
        if prices is not None and any(prices.model_of(text) for text in texts):
            work.refuse(f"{path} is a list with a model in each of its items: a mapping names it with `each`")
            return
    if vetoed:
        work.refuse(f"{named(vetoed)} holds names of models, but not of the model that answered")
    else:
        work.refuse("no key has names of models of the price book, nor a name that says so")


def _holds_models(work: Work, column: LogColumn) -> bool:
    """Whether most values are names of models of the price book."""
    if work.prices is None or not column.is_text:
        return False
    first = islice(dict.fromkeys(column.texts), _PROBE)
    if not any(work.prices.model_of(text) for text in first if text != LONG):
        return False
    known = sum(n for text, n in Counter(column.texts).items() if text != LONG and work.prices.model_of(text))
    return 2 * known > column.size


def _is_named(column: LogColumn) -> bool:
    words = column.words
    return "model" in words and words.known <= _NEUTRAL and not words.others and LONG not in column.texts


def _told_apart(work: Work, columns: Sequence[LogColumn]) -> list[LogColumn]:
    """Columns that name other models than those before them."""
    kept: list[LogColumn] = []
    for column in sorted(columns, key=lambda c: not _is_named(c)):
        same = next((one for one in kept if _same_models(work, one, column)), None)
        if same is None:
            kept.append(column)
        else:
            work.leave(column, f"it names the same models as {same.path}")
    return kept


def _same_models(work: Work, one: LogColumn, other: LogColumn) -> bool:
    if alike([one, other]):
        return True
    if work.prices is None:
        return False
    first, second = one.by_row(), other.by_row()
    if first.keys() != second.keys():
        return False
    pairs = set(zip(first.values(), (second[row] for row in first), strict=True))
    model_of = work.prices.model_of
    return all(
        isinstance(a, str) and isinstance(b, str) and _same(model_of(a), model_of(b)) for a, b in pairs
    )


def _same(one: tuple[str, str] | None, other: tuple[str, str] | None) -> bool:
    return one is not None and one == other


def _roles(columns: Sequence[LogColumn]) -> tuple[LogColumn | None, LogColumn | None]:
    """Which column names the model that answered, and which the one that was asked for."""
    served = [c for c in columns if c.key in _SERVED or {"served", "response"} & c.words.known]
    requested = [
        c for c in columns if c not in served and (c.key == "model_requested" or _PRECISE & c.words.known)
    ]
    plain = [c for c in columns if c not in served and c not in requested]
    if len(columns) == 2 and len(served) == 1:
        return served[0], (requested or plain)[0]
    if len(columns) == 2 and len(requested) == 1:
        return plain[0], requested[0]
    return None, None


def _take(work: Work, field: str, column: LogColumn) -> None:
    names = Counter(text for text in column.texts if text != LONG)
    prices = work.prices
    known = [] if prices is None else [name for name in names if prices.model_of(name)]
    if not known or prices is None:
        why = "its name speaks of a model; its values are not in the price book"
        work.take(field, column, why if prices is not None else "its name speaks of a model")
        return
    shown = sorted((n for n in known if prices.may_be_shown(n)), key=lambda n: (-names[n], n))[:2]
    example = f", like {' and '.join(shown)}" if shown else ""
    held = sum(names[name] for name in known)
    part = "its values are" if held == column.size else f"{held:,} of {column.size:,} values are"
    work.take(field, column, f"{part} names of models in the price book{example}")


def find_provider(work: Work) -> None:
    """Take the column of the provider, and that of the gateway."""
    texts = [c for c in work.columns if c.is_text and LONG not in c.texts and c.distinct <= _MOST_PROVIDERS]
    gateways = [c for c in texts if "gateway" in c.words]
    if len(gateways) == 1:
        work.take("gateway", gateways[0], "its name speaks of a gateway")
    texts = [c for c in texts if c not in gateways]
    by_name = [
        c
        for c in texts
        if "provider" in c.words and c.words.known <= {"provider", "name", "id", "model", "count"}
    ]
    by_value = [c for c in texts if c in by_name or not c.words.known]
    by_value = [c for c in by_value if _holds_providers(work, c)]
    for chosen, why in (
        ([c for c in by_value if c in by_name], "its values are providers of the price book"),
        (by_name, "its name speaks of a provider"),
        (by_value, "its values are providers of the price book"),
    ):
        if not chosen:
            continue
        if len(chosen) == 1 or alike(chosen):
            work.take("provider", chosen[0], why)
        else:
            work.leave(chosen, f"{named(chosen)} may both name the provider, and differ: neither is taken")
        return


def _holds_providers(work: Work, column: LogColumn) -> bool:
    prices = work.prices
    return prices is not None and all(prices.has_provider(text) for text in set(column.texts))
