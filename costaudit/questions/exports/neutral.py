"""The routes themselves, for a router of one's own: costaudit/policy-export@1."""

from __future__ import annotations

from typing import Final

from costaudit.questions.exports.exporter import Exporter, Written
from costaudit.questions.exports.json_text import json_text
from costaudit.questions.exports.model import PolicyExport
from costaudit.questions.exports.notes import Feature
from costaudit.questions.exports.spelling import Speller


def build(export: PolicyExport, _: Speller, notes: list[str]) -> Written:
    """The export as JSON; it says everything that the policy says."""
    return Written(json_text(export.model_dump(mode="json", by_alias=True)), notes, shows_notes=True)


EXPORTER: Final = Exporter(
    name="json",
    title="the routes with their models and prices, JSON",
    expresses=frozenset(Feature),
    with_current=frozenset(),
    build=build,
    needs_models=False,
)
