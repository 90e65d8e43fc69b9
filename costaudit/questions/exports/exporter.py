"""What every exporter is: a name, what it can express, and a function from routes to a configuration."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from costaudit.errors import ConfigError
from costaudit.questions.exports.model import PolicyExport
from costaudit.questions.exports.notes import Feature, find_notes
from costaudit.questions.exports.spelling import Speller


class Written(msgspec.Struct, frozen=True):
    """A configuration, and what its router does not do."""

    text: str
    notes: list[str]
    shows_notes: bool
    """The notes stand in the text."""


class Exporter(msgspec.Struct, frozen=True):
    """A system that policies are exported to."""

    name: str
    title: str
    expresses: frozenset[Feature]
    """Whatever else a policy says becomes a note."""
    with_current: frozenset[Feature]
    """What can be expressed only where it is known which model serves today."""
    build: Callable[[PolicyExport, Speller, list[str]], Written]
    """The configuration, from the routes and the notes. Raises ConfigError for a name not known there."""

    needs_models: bool = True
    """A configuration without any model would not be accepted."""

    def write(self, export: PolicyExport, speller: Speller) -> Written:
        """The configuration of a policy.

        Raises ConfigError for a model that the system does not know, and where there is nothing to route.
        """
        if self.needs_models and export.current is None and all(route.keep for route in export.routes):
            raise _nothing_to_route(export)
        expressed = self.expresses if export.current is None else self.expresses | self.with_current
        return self.build(export, speller, find_notes(export, expressed))


def _nothing_to_route(export: PolicyExport) -> ConfigError:
    absent = [seat for route in export.routes for seat in route.absent]
    if absent:
        why = f"no candidate can serve at {export.at}: {absent[0].models[-1]} is {absent[0].reason}"
        return ConfigError(f"policy {export.policy!r}: {why}", hint="see costaudit policy show")
    return ConfigError(
        f"policy {export.policy!r} moves no request: there is nothing to configure",
        hint="say --current PROVIDER/MODEL to have the model of today written",
    )
