"""Routing policies as functions: which there are, what runs where, a router's configuration."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Unpack

from costaudit.errors import UsageError, one_of
from costaudit.front.asking import noted
from costaudit.front.book import open_book
from costaudit.front.options import BookOptions, Day, File, choice_of, instant_of, optional
from costaudit.front.result import Result, drawn_by_blocks, drawn_by_lines
from costaudit.render.part import Part

if TYPE_CHECKING:
    from costaudit.questions.exports.model import PolicyExport
    from costaudit.questions.exports.spelling import Speller


class PolicyListed(Part, frozen=True, kw_only=True):
    """A policy that comes with costaudit."""

    name: str
    title: str


class RouteOptions(BookOptions, total=False):
    """What decides which models serve. `names` do not count."""

    at: Day
    """The day of models in service and prices; today by default."""
    mix: str
    """Parts input and output by whose price candidates are ordered; `3:1` by default."""
    current: str
    """The provider/model that serves today: for requests that are kept, and as the last resort."""


def policies() -> Result[list[PolicyListed]]:
    """The policies that come with costaudit: `costaudit policy list`."""
    from costaudit.render.lines import listed  # noqa: PLC0415 - start-up
    from costaudit.routing.policy_load import load_policy, shipped_policies  # noqa: PLC0415

    loaded = [load_policy(name) for name in shipped_policies()]
    report = [PolicyListed(name=p.name, title=p.title) for p in loaded]
    return drawn_by_lines(report, (), lambda _: listed([(p.name, p.title) for p in report]))


def policy(name: File | None = None, **options: Unpack[RouteOptions]) -> Result[PolicyExport]:
    """What runs where under a policy, with the prices of every candidate: `costaudit policy show`.

    A shipped policy or a file; `default` if not given. Raises ConfigError for one that cannot be read.
    """
    from costaudit.questions.exports.text import policy_blocks  # noqa: PLC0415 - start-up

    with noted(options, RouteOptions) as notes:
        report, _ = _routes(name, options)
    return drawn_by_blocks(report, notes.lines, lambda: policy_blocks(report))


def export_policy(to: str, name: File | None = None, **options: Unpack[RouteOptions]) -> Result[PolicyExport]:
    """A router's configuration, written from a policy: `costaudit policy export`.

    `text()` is the configuration for `litellm`, `openrouter`, `portkey` or as `json`; `notes` are what that
    router does not do. Raises ConfigError for a model that the router does not know.
    """
    from costaudit.questions.exports import EXPORTERS  # noqa: PLC0415 - start-up

    exporter = EXPORTERS[one_of(to, EXPORTERS, "router")]
    with noted(options, RouteOptions) as notes:
        report, speller = _routes(name, options)
        written = exporter.write(report, speller)
    said = [*notes.lines, *(() if written.shows_notes else written.notes)]
    return drawn_by_lines(report, said, lambda _: written.text)


def _routes(name: File | None, options: RouteOptions) -> tuple[PolicyExport, Speller]:
    from costaudit.questions.exports.places import Market  # noqa: PLC0415 - start-up
    from costaudit.questions.exports.routes import build_export  # noqa: PLC0415
    from costaudit.questions.exports.spelling import Speller  # noqa: PLC0415
    from costaudit.routing.policy_load import load_policy  # noqa: PLC0415

    parts, at = _mix(options.get("mix", "3:1")), options.get("at")
    loaded = load_policy(optional(name))
    day = _today() if at is None else instant_of(at, "--at", "date")
    book, resolver = open_book(choice_of(options))
    market = Market(book, resolver, day, parts)
    return build_export(loaded, market, options.get("current")), Speller(book, resolver, day)


def _today() -> int:
    """The first instant of this day, so that a day's exports are the same."""
    now = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return int(now.timestamp()) * 1_000_000


def _mix(text: str) -> tuple[int, int]:
    read, _, written = text.partition(":")
    if not all(part.isascii() and part.isdigit() and len(part) < 7 for part in (read, written)):
        raise UsageError(f"--mix {text!r} is not IN:OUT", hint="like 3:1, three parts input to one output")
    parts = int(read), int(written)
    if not any(parts):
        raise UsageError("--mix 0:0 costs nothing with any model", hint="like 3:1")
    return parts
