"""`costaudit pricing import`: what another price table says, held against ours."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from costaudit.cli import console, options
from costaudit.errors import one_of
from costaudit.front.options import instant_of

if TYPE_CHECKING:
    from costaudit.prices.importers.compare import Comparison, Crosscheck
    from costaudit.prices.importers.load import PriceSource
    from costaudit.prices.importers.propose import Proposal

_NAMED = 8
"""Models that the text names for each provider; the JSON has all."""


def import_(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="An installed package (genai-prices, litellm, model-prices …), a file, or a URL.",
        ),
    ],
    kind: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation at run time
        typer.Option(
            "--kind",
            metavar="NAME",
            help="genai-prices, litellm, model-prices, models-dev, openrouter, veqen-pricebook; found out.",
        ),
    ] = None,
    provider: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--provider", metavar="ID", help="Only this provider of the book."),
    ] = None,
    at: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--at", metavar="TIME", help="Compare as of this time, instead of each price's own and today's."
        ),
    ] = None,
    propose: Annotated[
        bool,
        typer.Option("--propose", help="Print rows for our tables. Nothing is written, no past row changes."),
    ] = False,
    format_: options.ListFormat = "text",
    prices: options.Prices = None,
) -> None:
    """What another price table says that ours does not: differences, and rows that could be added."""
    from costaudit.prices.book import load_book, shipped_directory  # noqa: PLC0415 - start-up
    from costaudit.prices.importers.compare import compare  # noqa: PLC0415
    from costaudit.prices.importers.load import load_source, load_source_ids  # noqa: PLC0415
    from costaudit.prices.importers.propose import propose_rows  # noqa: PLC0415

    one_of(format_, ("text", "json"), "format")
    book = load_book(prices)
    if provider is not None:
        one_of(provider, book.providers, "provider")
    loaded = load_source(source, kind)
    now = datetime.now(UTC).replace(microsecond=0)
    moment = int(now.timestamp()) * 1_000_000
    start = instant_of(at, "--at") if at is not None else None
    check = compare(book, loaded.observations(book.windows), moment, start, provider)
    proposal = None
    if propose:
        known = load_source_ids(prices or shipped_directory())
        proposal = propose_rows(book, check, loaded.importer, loaded.id, now.date(), known)
    render = render_json if format_ == "json" else render_text
    console.deliver(render(loaded, check, proposal, book.directory), None, format_)


def render_text(source: PriceSource, check: Crosscheck, proposal: Proposal | None, directory: str) -> str:
    """The answer for the eye: counts, every difference, and the rest by provider."""
    from costaudit.render.safe import clean  # noqa: PLC0415

    lines = [f"{source.shown}, read as {source.importer.kind}", ""]
    lines += [
        f"  {verdict.value.replace('_', ' '):<16}  {count:>7,}" for verdict, count in check.counts.items()
    ]
    lines += [f"  {'skipped':<16}  {count:>7,}  {reason}" for reason, count in check.reasons.items()]
    lines += [*_differences(check), *_older(check), *_unmatched(check)]
    lines = [clean(line) for line in lines]
    if proposal is not None:
        lines += _proposed(proposal, directory)
    return "\n".join(lines) + "\n"


def _differences(check: Crosscheck) -> Iterator[str]:
    from costaudit.prices.importers.compare import ObservationVerdict  # noqa: PLC0415

    found = check.of(ObservationVerdict.DIFFERS)
    if not found:
        return
    yield from ("", "differs")
    head = f"  {'on':<10}  {'ours':>12}  {'theirs':>12}  {'ratio':>9}  {'confidence':<10}  "
    yield head + "our row; where in the source"
    for c in found:
        yield _line(c)


def _older(check: Crosscheck) -> Iterator[str]:
    from costaudit.prices.importers.compare import ObservationVerdict  # noqa: PLC0415

    found = check.of(ObservationVerdict.OLDER_THAN_OURS)
    if found:
        yield from ("", "older than ours")
    for c in found:
        yield f"{_line(c)} ({c.detail})"


def _line(c: Comparison) -> str:
    from costaudit.prices.rows import instant_text  # noqa: PLC0415

    ours = "ended" if c.ours is None or c.ours.usd is None else f"{c.ours.usd:f}"
    ratio = "" if c.ratio is None else f"{c.ratio}×"
    row, confidence = ("", "") if c.ours is None else (c.ours.rate_id, c.ours.confidence)
    return (
        f"  {instant_text(c.at)[:10]:<10}  {ours:>12}  {c.observation.usd:>12f}  {ratio:>9}  "
        f"{confidence:<10}  {row}; {c.observation.place}"
    )


def _unmatched(check: Crosscheck) -> Iterator[str]:
    from costaudit.prices.importers.compare import ObservationVerdict  # noqa: PLC0415

    for verdict in (ObservationVerdict.MISSING_CLASS, ObservationVerdict.UNKNOWN_MODEL):
        found = check.of(verdict)
        if found:
            yield from ("", verdict.value.replace("_", " "))
        names: dict[str, dict[str, int]] = {}
        for c in found:
            models = names.setdefault(
                c.provider or f"{c.observation.provider_hint} (no provider of the book)", {}
            )
            label = (
                c.model if verdict is ObservationVerdict.UNKNOWN_MODEL else f"{c.model}:{c.observation.klass}"
            )
            models[label] = models.get(label, 0) + 1
        for provider, models in sorted(names.items()):
            shown = ", ".join(list(models)[:_NAMED])
            rest = f" and {len(models) - _NAMED} more" if len(models) > _NAMED else ""
            yield f"  {provider}: {shown}{rest}"


def _proposed(proposal: Proposal, directory: str) -> Iterator[str]:
    from costaudit.prices.importers.propose import render_csv  # noqa: PLC0415
    from costaudit.render.safe import clean  # noqa: PLC0415

    yield from ("", "proposed rows (nothing was written)")
    for table, cells in _tables(proposal):
        yield from ("", f"# {directory}/{table}", render_csv(cells).rstrip("\n"))
    if proposal.by_hand:
        yield from ("", "needs a correction by hand")
    for reason, count in sorted(Counter(h.reason for h in proposal.by_hand).items()):
        places = [h.comparison.observation.place for h in proposal.by_hand if h.reason == reason]
        yield clean(f"  {count:>7,}  {reason}: {', '.join(places[:3])}{' …' if count > 3 else ''}")


def _tables(proposal: Proposal) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """Every table that rows are proposed for, with their cells."""
    if proposal.source is not None and proposal.prices:
        yield "sources.csv", [proposal.source]
    for provider, rows in proposal.prices.items():
        if provider in proposal.models:
            yield f"{provider}/models.csv", list(proposal.models[provider])
        yield f"{provider}/prices.csv", [row.cells for row in rows]


def render_json(source: PriceSource, check: Crosscheck, proposal: Proposal | None, directory: str) -> str:
    """The answer for programs: every comparison that does not agree, and every proposed row."""
    from costaudit.prices.importers.compare import ObservationVerdict  # noqa: PLC0415

    answer: dict[str, Any] = {
        "schema": "costaudit/pricing-import@1",
        "source": {"id": source.id, "kind": source.importer.kind, "from": source.shown},
        "prices": directory,
        "counts": {verdict.value: count for verdict, count in check.counts.items()},
        "skipped": check.reasons,
        "comparisons": [_as_json(c) for c in check.comparisons if c.verdict is not ObservationVerdict.AGREES],
        "proposal": None if proposal is None else _proposal_as_json(proposal),
    }
    return json.dumps(answer, indent=2, ensure_ascii=False) + "\n"


def _as_json(c: Comparison) -> dict[str, Any]:
    from costaudit.prices.rows import instant_text  # noqa: PLC0415

    item, ours = c.observation, c.ours
    return {
        "verdict": c.verdict.value,
        "provider": c.provider,
        "model": c.model,
        "class": item.klass,
        "when": str(item.when),
        "at": instant_text(c.at),
        "usd": f"{item.usd:f}",
        "valid_from": None if item.valid_from is None else instant_text(item.valid_from),
        "source_provider": item.provider_hint,
        "source_place": item.place,
        "ours": None if ours is None else {
            "rate_id": ours.rate_id, "usd": None if ours.usd is None else f"{ours.usd:f}",
            "confidence": ours.confidence, "file": ours.path, "line": ours.line,
        },
        "ratio": None if c.ratio is None else str(c.ratio),
        "detail": c.detail or None,
    }  # fmt: skip


def _proposal_as_json(proposal: Proposal) -> dict[str, Any]:
    return {
        "tables": [
            {"table": table, "rows": [list(row) for row in cells]} for table, cells in _tables(proposal)
        ],
        "by_hand": [{"reason": h.reason, "comparison": _as_json(h.comparison)} for h in proposal.by_hand],
    }
