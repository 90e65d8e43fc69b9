"""What a policy says and a router does not do: one sentence each, for whoever puts the router to work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final

from costaudit.questions.exports.model import Absent, PolicyExport, Route, RouteWhen, VerificationPass
from costaudit.schema import Tier


class Feature(StrEnum):
    """Something that a policy can say."""

    RESIDENCY = "residency"
    """Nothing to express: requests that stay where a residency does not want them."""
    KEEP = "keep"
    """A model for requests that are not moved."""
    NEVER = "never"
    SHARE = "share"
    LAST_RESORT = "last_resort"
    """The model of today after all others."""
    CONFIDENCE = "confidence"
    SESSIONS = "sessions"
    VERIFICATION = "verification"
    QUALITY = "quality"
    RETRIES = "retries"
    """Asking again when an answer cannot be parsed."""
    CHEAPEST = "cheapest"
    """The cheapest candidate of each request."""
    ABILITIES = "abilities"
    """Images, audio, tools, JSON mode."""
    ABSENT = "absent"
    """Nothing to express: candidates that cannot serve."""


def find_notes(export: PolicyExport, expressed: frozenset[Feature]) -> list[str]:
    """A sentence for everything that the policy says and the target does not express."""
    notes = [note for feature in Feature if feature not in expressed for note in _NOTES[feature](export)]
    return list(dict.fromkeys(notes))


def rules(routes: Sequence[Route]) -> str:
    """The tiers and rules of some routes, each once: 'tier 0 (trivial), tier 1 (standard)'."""
    return ", ".join(dict.fromkeys(route.rule for route in routes))


def asked(when: RouteWhen) -> str:
    """Which requests a route is for, in words."""
    parts = [f"tier {_or([f'{tier} ({Tier(tier).label})' for tier in when.tiers])}"] if when.tiers else []
    for noun, patterns in (
        ("feature", when.features), ("model", when.models), ("gateway", when.gateways),
        ("service tier", when.service_tiers),
    ):  # fmt: skip
        parts += [f"{noun} {_or(patterns)}"] if patterns else []
    parts += [f"served by {_or(when.providers)}"] if when.providers else []
    for where in when.residency:
        either = [f"region {_or(where.regions)}"] if where.regions else []
        either += [f"feature {_or(where.features)}"] if where.features else []
        parts.append(" or ".join(either))
    return "; ".join(parts)


def _or(patterns: Sequence[str]) -> str:
    return " or ".join(patterns)


def _residency(export: PolicyExport) -> Iterator[str]:
    for route in export.routes:
        if route.when.residency and route.keep and export.current is not None and not route.current_may_serve:
            yield (
                f"{route.title}: no model of the policy may serve these, and they stay on "
                f"{export.current.model}, whose provider the residency does not name either"
            )


def _keep(export: PolicyExport) -> Iterator[str]:
    kept = rules([route for route in export.routes if route.keep])
    yield (
        f"{kept + ' and requests' if kept else 'requests'} without a tag keep the model that serves them: "
        "call it by its own name, or say --current PROVIDER/MODEL to have it written"
    )


def _never(export: PolicyExport) -> Iterator[str]:
    for noun, patterns in (
        ("feature", export.never.features), ("model", export.never.models), ("user", export.never.users),
    ):  # fmt: skip
        if patterns:
            yield f"requests of {noun} {_or(patterns)} keep their model: send them to none of these routes"


def _share(export: PolicyExport) -> Iterator[str]:
    for route in export.routes:
        if route.share != 1 and not route.keep:
            yield (
                f"{route.rule}: only {_percent(route)} of the requests are to be moved; the route moves "
                "all that are sent to it"
            )


def _percent(route: Route) -> str:
    return f"{(route.share * 100).normalize():f} %"


def _last_resort(export: PolicyExport) -> Iterator[str]:
    waiting = [route for route in export.routes if route.then_current]
    if waiting:
        yield (
            f"{rules(waiting)}: when every candidate fails, the model that serves today is to answer; "
            "say --current PROVIDER/MODEL to have it written"
        )


def _confidence(export: PolicyExport) -> Iterator[str]:
    yield f"only tags of {export.min_confidence} % confidence or more act; leave weaker ones untagged"


def _sessions(export: PolicyExport) -> Iterator[str]:
    if export.sessions == "together":
        yield "a session stays together: send all of its requests to the route of its highest tier"


def _verification(export: PolicyExport) -> Iterator[str]:
    for route in export.routes:
        if route.verification is not None:
            yield f"{route.rule}: the verification pass ({_check(route.verification)}) is up to the caller"


def _check(check: VerificationPass) -> str:
    how = f"{check.multiple.normalize():f} of the request's own cost"
    if check.model is not None:
        how = f"by {check.model}, {check.output_tokens} tokens"
    return how if check.on == "all" else f"{how}, of moved requests only"


def _quality(export: PolicyExport) -> Iterator[str]:
    floors = {route.quality_floor for route in export.routes if route.quality_floor and not route.keep}
    for floor in sorted(floors):
        these = [r for r in export.routes if r.quality_floor == floor and not r.keep]
        yield f"{rules(these)}: no evals were asked whether candidates reach the quality floor {floor}"


def _retries(export: PolicyExport) -> Iterator[str]:
    these = [route for route in export.routes if route.retry_rate and not route.keep]
    if these:
        yield f"{rules(these)}: what cannot be parsed is asked again by the caller, not by the router"


def _cheapest(export: PolicyExport) -> Iterator[str]:
    if any(route.by_price for route in export.routes):
        read, written = export.mix
        yield (
            "costaudit takes the cheapest candidate of each request; here they stand in the order of list "
            f"prices of {export.at}, {read} parts input to {written} output"
        )


def _abilities(export: PolicyExport) -> Iterator[str]:
    if any(len(export.chain(route)) > 1 for route in export.routes):
        yield "whether a candidate takes images, audio, tools or JSON mode is not asked"


def _absent(export: PolicyExport) -> Iterator[str]:
    seats: list[Absent] = []
    for route in export.routes:
        seats += [seat for seat in route.absent if seat not in seats]
    for seat in seats:
        yield f"{' / '.join(seat.models)} is left out: {seat.reason}"


_NOTES: Final[Mapping[Feature, Callable[[PolicyExport], Iterator[str]]]] = {
    Feature.RESIDENCY: _residency,
    Feature.KEEP: _keep,
    Feature.NEVER: _never,
    Feature.SHARE: _share,
    Feature.LAST_RESORT: _last_resort,
    Feature.CONFIDENCE: _confidence,
    Feature.SESSIONS: _sessions,
    Feature.VERIFICATION: _verification,
    Feature.QUALITY: _quality,
    Feature.RETRIES: _retries,
    Feature.CHEAPEST: _cheapest,
    Feature.ABILITIES: _abilities,
    Feature.ABSENT: _absent,
}
