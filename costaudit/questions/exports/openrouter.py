"""OpenRouter: a preset per route, to be posted to its API.

Source: OpenRouter's documentation, pages "Presets" (`POST /api/v1/presets/{slug}/chat/completions` takes the
body of an inference request), "Model Fallbacks" (`models`) and "Provider Routing" (`provider`). That `models`
holds three at most the API says itself: "'models' array must have 3 items or fewer".
"""

from __future__ import annotations

from typing import Any, Final

from costaudit.money import exact
from costaudit.questions.exports.exporter import Exporter, Written
from costaudit.questions.exports.json_text import json_text
from costaudit.questions.exports.model import PolicyExport, ServingModel
from costaudit.questions.exports.notes import Feature, asked
from costaudit.questions.exports.spelling import GATEWAY, Speller

MOST_MODELS: Final = 3

_UNSENT: Final = [{"role": "user", "content": "not stored: a preset holds no messages"}]
"""The endpoint wants messages, as an inference request does, and ignores them."""

_PRICES: Final = {"prompt": "input", "completion": "output"}
"""OpenRouter's names of token classes."""


def build(export: PolicyExport, speller: Speller, notes: list[str]) -> Written:
    """The presets of a policy, each with its slug and the body that makes it."""
    presets, notes = [], list(notes)
    for route in export.routes:
        models = export.chain(route)
        if not models:
            continue
        if len(models) > MOST_MODELS:
            left = ", ".join(place.model for place in models[MOST_MODELS:])
            notes.append(f"{route.title}: OpenRouter takes {MOST_MODELS} models, so without {left}")
        presets.append({
            "slug": f"{_slug(export.policy)}-{route.name}",
            "for": asked(route.when),
            "body": _body(models[:MOST_MODELS], speller),
        })  # fmt: skip
    told = {"policy": export.policy, "at": export.at, "presets": presets, "notes": notes}
    return Written(json_text(told), notes, shows_notes=False)


def _body(models: list[ServingModel], speller: Speller) -> dict[str, Any]:
    own = [place for place in models if place.provider != GATEWAY]
    order = dict.fromkeys(speller.provider(place, "openrouter", "OpenRouter") for place in own)
    only = {"order": list(order), "allow_fallbacks": False} if len(own) == len(models) else {}
    return {
        "models": list(dict.fromkeys(speller.slug(place) for place in models)),
        "provider": {
            **only,
            "max_price": {
                name: exact(max(place.most_usd_per_mtok[klass] for place in models))
                for name, klass in _PRICES.items()
            },
        },
        "messages": _UNSENT,
    }


def _slug(name: str) -> str:
    return "".join(char if char.isascii() and char.isalnum() else "-" for char in name.lower()).strip("-")


EXPORTER: Final = Exporter(
    name="openrouter",
    title="OpenRouter presets, JSON",
    expresses=frozenset(),
    with_current=frozenset({Feature.KEEP, Feature.LAST_RESORT}),
    build=build,
)
