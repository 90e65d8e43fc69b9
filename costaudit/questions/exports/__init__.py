"""Configurations of routers, written from a policy: one file per router, and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from costaudit.questions.exports import litellm, neutral, openrouter, portkey
from costaudit.questions.exports.exporter import Exporter

EXPORTERS: Final[Mapping[str, Exporter]] = {
    exporter.name: exporter
    for exporter in (litellm.EXPORTER, openrouter.EXPORTER, portkey.EXPORTER, neutral.EXPORTER)
}
"""By the name that `--to` takes."""
