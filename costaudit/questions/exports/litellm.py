"""LiteLLM's proxy: a model group per route, its candidates in order.

Source: LiteLLM's documentation, pages "Deployments and model groups", "How a deployment is picked" (`order`,
`weight`) and "Fallbacks (Provider Failover)" (`fallbacks`, `context_window_fallbacks`, `num_retries`,
`enable_pre_call_checks`). Keys are references to the environment, never secrets.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, Final

from costaudit.questions.exports.exporter import Exporter, Written
from costaudit.questions.exports.model import PolicyExport, Route, ServingModel
from costaudit.questions.exports.notes import Feature, asked
from costaudit.questions.exports.shares import parts_of
from costaudit.questions.exports.spelling import Speller
from costaudit.questions.exports.yaml_text import comment, yaml_text

CURRENT: Final = "current"
"""The group of the model that serves today."""


def build(export: PolicyExport, speller: Speller, notes: list[str]) -> Written:
    """A configuration that `litellm --config` takes."""
    head = "".join(f"{line}\n" for line in _head(export, notes))
    return Written(head + yaml_text(configuration(export, speller)), notes, shows_notes=True)


def configuration(export: PolicyExport, speller: Speller) -> dict[str, Any]:
    """Model groups, and what follows when one fails."""
    groups: dict[str, list[dict[str, Any]]] = {}
    fallbacks, longer = [], []
    for route in export.routes:
        if route.keep and export.current is None:
            continue
        groups[route.name] = list(_group(route, export, speller))
        after = _after(route)
        if route.fallbacks:
            groups[f"{route.name}-fallback"] = list(_ordered(route.fallbacks, speller))
        if after:
            fallbacks.append({route.name: after})
        wider = [place for place in export.chain(route) if _holds_more(place, route)]
        if wider:
            groups[f"{route.name}-long"] = list(_ordered(wider, speller))
            longer.append({route.name: [f"{route.name}-long"]})
    if export.current is not None:
        groups[CURRENT] = [_deployment(export.current, speller)]
    return {
        "model_list": [
            {"model_name": name, "litellm_params": parameters}
            for name, group in groups.items()
            for parameters in group
        ],
        "router_settings": {
            "routing_strategy": "simple-shuffle",
            "enable_pre_call_checks": True,
            "num_retries": _retries(export),
            **({"fallbacks": fallbacks} if fallbacks else {}),
            **({"context_window_fallbacks": longer} if longer else {}),
        },
    }


def _group(route: Route, export: PolicyExport, speller: Speller) -> Iterator[dict[str, Any]]:
    """The deployments of a route: by order, the first one sharing its place with the model of today."""
    if route.keep:
        if export.current is not None:
            yield _deployment(export.current, speller)
        return
    moved, stays = parts_of(route.share)
    for parameters in _ordered(route.candidates, speller):
        if parameters["order"] == 1 and stays and route.current_may_serve and export.current is not None:
            yield {**parameters, "weight": moved}
            yield {**_deployment(export.current, speller), "order": 1, "weight": stays}
        else:
            yield parameters


def _ordered(places: Sequence[ServingModel], speller: Speller) -> Iterator[dict[str, Any]]:
    for order, place in enumerate(places, 1):
        yield {**_deployment(place, speller), "order": order}


def _deployment(place: ServingModel, speller: Speller) -> dict[str, Any]:
    prefix = speller.provider(place, "litellm", "LiteLLM")
    keys = {key: f"os.environ/{name}" for key, name in speller.parameters(place).items()}
    return {"model": f"{prefix}/{place.name}", **keys}


def _after(route: Route) -> list[str]:
    """The groups that serve when a route's own deployments have failed."""
    after = [f"{route.name}-fallback"] if route.fallbacks else []
    return [*after, CURRENT] if route.then_current and route.current_may_serve else after


def _holds_more(place: ServingModel, route: Route) -> bool:
    """Whether a model takes longer requests than the first of a route."""
    first = route.candidates[0].context_window if route.candidates else None
    return first is not None and place.context_window is not None and place.context_window > first


def _retries(export: PolicyExport) -> int:
    return max((route.max_attempts for route in export.routes if not route.keep), default=1) - 1


def _head(export: PolicyExport, notes: Sequence[str]) -> Iterator[str]:
    yield comment(f"LiteLLM proxy configuration of the policy {export.policy!r}: {export.title}")
    yield comment(f"Models and prices of {export.at}, price tables {export.prices.version}.")
    yield "#"
    yield comment("The caller tags a request and asks for its group as the model. The first line that fits:")
    for route in export.routes:
        group = "(none)" if route.keep and export.current is None else route.name
        yield from _lines(f"{group}: {asked(route.when)}")
    yield "#"
    yield comment("What the policy says and this configuration does not do:")
    for note in notes:
        yield from _lines(f"- {note}")


def _lines(text: str) -> Iterator[str]:
    """A text as lines of comment, the later ones further in."""
    return (comment(line) for line in textwrap.wrap(text, 98, initial_indent="  ", subsequent_indent=" " * 4))


EXPORTER: Final = Exporter(
    name="litellm",
    title="LiteLLM proxy configuration, YAML",
    expresses=frozenset(),
    with_current=frozenset({Feature.KEEP, Feature.SHARE, Feature.LAST_RESORT}),
    build=build,
)
