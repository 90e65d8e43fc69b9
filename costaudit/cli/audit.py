"""`costaudit analyze` and `costaudit simulate`: read logs, or a scenario, and show what they come to."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from costaudit.cli import console, options
from costaudit.cli.book import BookChoice, choose_book, open_book
from costaudit.errors import UsageError

if TYPE_CHECKING:
    from costaudit.engine.local import Pass


@console.guarded
def analyze(  # noqa: PLR0913 - one argument per option of the command line
    paths: options.Paths,
    format_: options.Format = "text",
    output: options.Output = None,
    policy: options.PolicyFile = None,
    prices_at: options.PricesAt = None,
    prices: options.Prices = None,
    overlay: options.Overlays = None,
    known_on: options.KnownOn = None,
    map_: options.Map = None,
    input_format: options.InputFormat = None,
    threads: options.Threads = None,
    quiet: options.Quiet = False,  # noqa: FBT002
    verbose: options.Verbose = False,  # noqa: FBT002
) -> None:
    """The audit: spend, coverage, tiers, the four drivers, projection, findings.

    \b
    costaudit analyze logs.jsonl
    costaudit analyze logs/ 'more/**/*.parquet' --format json -o audit.json
    zcat logs.gz | costaudit analyze -
    """
    from costaudit.prices.gateways import load_gateways  # noqa: PLC0415 - start-up
    from costaudit.report.build import build_audit  # noqa: PLC0415
    from costaudit.report.formats import RENDERERS  # noqa: PLC0415

    render = RENDERERS[console.one_of(format_, RENDERERS, "format")]
    choice = choose_book(prices, overlay, known_on, map_)
    passed = _read(paths, policy, prices_at, choice, input_format, threads, quiet=quiet, verbose=verbose)
    report = build_audit(passed, load_gateways(choice.prices))
    console.deliver(render(report, console.width(), console.color() and output is None), output)


@console.guarded
def simulate(  # noqa: PLR0913 - one argument per option of the command line
    paths: options.MaybePaths = None,
    scenario: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--scenario", metavar="NAME", help="A shipped scenario (see costaudit scenarios) or a file."),
    ] = None,
    policy: options.PolicyFile = None,
    markup: options.Markups = None,
    prices_at: options.PricesAt = None,
    format_: options.Format = "text",
    output: options.Output = None,
    prices: options.Prices = None,
    overlay: options.Overlays = None,
    known_on: options.KnownOn = None,
    map_: options.Map = None,
    input_format: options.InputFormat = None,
    threads: options.Threads = None,
    quiet: options.Quiet = False,  # noqa: FBT002
    verbose: options.Verbose = False,  # noqa: FBT002
) -> None:
    """Before and after: a scenario, or your own log under a policy, a markup, other prices.

    \b
    costaudit simulate                                  the 10M-request example
    costaudit simulate --markup 0%,5%,10%,15%
    costaudit simulate --scenario finsync
    costaudit simulate logs/ --policy routing.toml --markup 10%
    """
    from costaudit.report.formats import RENDERERS  # noqa: PLC0415 - start-up

    render = RENDERERS[console.one_of(format_, RENDERERS, "format")]
    markups = _markups(markup)
    choice = choose_book(prices, overlay, known_on, map_)
    if paths and scenario:
        raise UsageError("a log and a scenario cannot be simulated at once", hint="leave out one of them")
    if paths:
        from costaudit.prices.gateways import load_gateways  # noqa: PLC0415
        from costaudit.report.simulate import DEFAULT_MARKUPS, build_log_simulation  # noqa: PLC0415

        passed = _read(paths, policy, prices_at, choice, input_format, threads, quiet=quiet, verbose=verbose)
        report = build_log_simulation(passed, load_gateways(choice.prices), markups or DEFAULT_MARKUPS)
    else:
        if policy is not None:
            raise UsageError("--policy needs a log", hint="name the log, or simulate a scenario without --policy")
        report = _scenario(scenario, markups, prices_at, choice)
    console.deliver(render(report, console.width(), console.color() and output is None), output)


def _scenario(  # type: ignore[no-untyped-def]  # a Simulation: importing the type would cost start-up time
    name: str | None, markups: Sequence[Decimal], prices_at: str | None, choice: BookChoice
):
    from costaudit.report.simulate import DEFAULT_MARKUPS, build_scenario_simulation  # noqa: PLC0415
    from costaudit.routing.scenario import load_scenario, run_scenario  # noqa: PLC0415

    book, resolver = open_book(choice)
    at = _instant(prices_at)
    result = run_scenario(load_scenario(name), book, resolver, at)
    return build_scenario_simulation(result, book, markups or DEFAULT_MARKUPS, at)


def _markups(text: str | None) -> list[Decimal]:
    from costaudit.money import parse_percent  # noqa: PLC0415

    return [parse_percent(part) for part in text.split(",")] if text else []


def _instant(text: str | None) -> int | None:
    from costaudit.ingest.fields import timestamp_us  # noqa: PLC0415

    if text is None:
        return None
    moment = timestamp_us(text)
    if moment is None:
        raise UsageError(f"--prices-at {text!r} is not a date", hint="like 2024-06-01 or 2024-06-01T12:00Z")
    return moment


def _read(  # noqa: PLR0913 - the options of both commands
    paths: list[str],
    policy: str | None,
    prices_at: str | None,
    choice: BookChoice,
    input_format: str | None,
    threads: int | None,
    *,
    quiet: bool,
    verbose: bool,
) -> Pass:
    from costaudit.engine.local import audit_files  # noqa: PLC0415 - start-up
    from costaudit.engine.plan import Plan  # noqa: PLC0415
    from costaudit.ingest.detect import adapter_named  # noqa: PLC0415
    from costaudit.ingest.files import find_logs, remove_spools  # noqa: PLC0415
    from costaudit.routing.policy import load_policy  # noqa: PLC0415
    from costaudit.tiers.rules import load_rules  # noqa: PLC0415
    from costaudit.tiers.tagger import Tagger  # noqa: PLC0415

    forced = adapter_named(input_format) if input_format else None
    book, resolver = open_book(choice)
    plan = Plan(book, resolver, Tagger(load_rules()), load_policy(policy), prices_at=_instant(prices_at))
    try:
        files, refused = find_logs(paths, sys.stdin.buffer)
        if refused and not files:
            raise refused[0]
        with console.progress(quiet=quiet) as advance:
            passed = audit_files(files, plan, forced=forced, refused=refused, threads=threads, progress=advance)
    finally:
        remove_spools()
    if verbose:
        for file in files:
            console.warn(f"read {file.name}: {file.container}, {file.compression}", quiet=False)
    for reason, number in sorted(passed.quarantine.counts.items()):
        places = passed.quarantine.places[reason]
        if reason == "unreadable_file":
            for place in places:
                console.warn(f"left out: {place.file}: {place.detail}", quiet=quiet)
            if number > len(places):
                console.warn(f"left out: {number - len(places):,} more files that cannot be read", quiet=quiet)
            continue
        where = f"{places[0].file}:{places[0].line}" if places[0].line else places[0].file
        console.warn(f"{number:,} × {reason} set aside, first at {where}", quiet=quiet)
    return passed
