"""Portkey: a gateway configuration whose conditions ask the metadata of a request.

Source: Portkey's documentation, pages "Gateway Config Object" (its JSON Schema), "Conditional Routing",
"Fallbacks" and "Load Balancing". Providers are named as they stand in the Model Catalog, `@openai`: the keys
are kept there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from costaudit.questions.exports.exporter import Exporter, Written
from costaudit.questions.exports.json_text import json_text
from costaudit.questions.exports.model import PolicyExport, Route, ServingModel
from costaudit.questions.exports.notes import Feature
from costaudit.questions.exports.portkey_queries import keys_of, query_of, query_of_kept
from costaudit.questions.exports.shares import parts_of
from costaudit.questions.exports.spelling import Speller

CURRENT: Final = "current"
MOST_RETRIES: Final = 5
"""Of the same model, after the status codes that Portkey retries; after any error the next model is asked."""

Target = dict[str, Any]


def build(export: PolicyExport, speller: Speller, notes: list[str]) -> Written:
    """A configuration object. Where nothing fits, or a request keeps its model, the default target serves."""
    moving = [route for route in export.routes if not route.keep]
    targets = [_target(route, export, speller) for route in moving]
    if export.current is not None:
        targets.append({"name": CURRENT, **_leaf(export.current, speller, 1)})
    default = str(targets[-1]["name"])
    conditions = list(_conditions(export, default))
    config = {
        "strategy": {"mode": "conditional", "conditions": conditions, "default": default},
        "targets": targets,
    }
    told = [*_how(export, speller, conditions, default), *notes]
    return Written(json_text(config), told, shows_notes=False)


def _conditions(export: PolicyExport, default: str) -> Iterator[dict[str, Any]]:
    if export.never:
        yield {"query": query_of_kept(export.never), "then": default}
    for route in export.routes:
        yield {"query": query_of(route.when), "then": default if route.keep else route.name}


def _target(route: Route, export: PolicyExport, speller: Speller) -> Target:
    """A route: its chain, and beside it the model of today where only a share is moved."""
    leaves = [_leaf(place, speller, route.max_attempts) for place in export.chain(route)]
    chain = leaves[0] if len(leaves) == 1 else {"strategy": {"mode": "fallback"}, "targets": leaves}
    moved, stays = parts_of(route.share)
    if stays and route.current_may_serve and export.current is not None:
        rest = {**_leaf(export.current, speller, 1), "weight": stays}
        chain = {"strategy": {"mode": "loadbalance"}, "targets": [{**chain, "weight": moved}, rest]}
    return {"name": route.name, **chain}


def _leaf(place: ServingModel, speller: Speller, max_attempts: int) -> Target:
    return {
        "provider": f"@{speller.provider(place, 'portkey', 'Portkey')}",
        "override_params": {"model": place.name},
        "retry": {"attempts": min(max_attempts - 1, MOST_RETRIES)},
    }


def _how(
    export: PolicyExport, speller: Speller, conditions: list[dict[str, Any]], default: str
) -> Iterator[str]:
    """What Portkey and the caller must know for the configuration to work."""
    keys = set[str]().union(*(keys_of(condition["query"]) for condition in conditions))
    sent = sorted(key.partition(".")[2] for key in keys if key.startswith("metadata."))
    yield f"the caller sends as metadata: {', '.join(sent)}; a request without a tag goes to {default!r}"
    places = [place for route in export.routes for place in export.chain(route)]
    places += [export.current] if export.current is not None else []
    slugs = sorted({speller.provider(place, "portkey", "Portkey") for place in places})
    yield f"providers of Portkey's Model Catalog with these slugs: {', '.join(f'@{slug}' for slug in slugs)}"
    if export.current is None:
        yield (
            f"requests that keep their model go to {default!r}, the last target, since Portkey needs a "
            "default: say --current PROVIDER/MODEL to send them to the model of today"
        )


EXPORTER: Final = Exporter(
    name="portkey",
    title="Portkey gateway configuration, JSON",
    expresses=frozenset({Feature.KEEP, Feature.NEVER}),
    with_current=frozenset({Feature.SHARE, Feature.LAST_RESORT}),
    build=build,
)
