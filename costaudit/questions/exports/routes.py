"""From a policy to the routes that it comes to at a time: models in service, in the order of trying."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from costaudit.prices.rows import instant_text
from costaudit.questions.exports.model import (
    Absent,
    KeptRequests,
    PolicyExport,
    PriceState,
    Route,
    RouteWhen,
    ServingModel,
    VerificationPass,
)
from costaudit.questions.exports.places import Market
from costaudit.questions.exports.variations import Variation, find_variations
from costaudit.routing.candidates import candidates_of
from costaudit.routing.policy import RULES_FROM, Policy, RulePolicy, Seat, TierPolicy, Treatment, matches
from costaudit.schema import Tier


def build_export(policy: Policy, market: Market, current: str | None = None) -> PolicyExport:
    """The routes of a policy at a time; `current` is the model that serves today, as provider/model.

    Raises ConfigError for a model or provider that is not in the book, or a current model out of service.
    """
    today = market.current(current) if current is not None else None
    rules = [(RULES_FROM + place, rule) for place, rule in enumerate(policy.rules)]
    tiers = sorted((rule.tier, rule) for rule in policy.tiers)
    treatments: list[tuple[int, Treatment]] = [*rules, *tiers]
    return PolicyExport(
        schema_="costaudit/policy-export@1",
        policy=policy.name,
        title=policy.title,
        at=instant_text(market.at),
        prices=PriceState(version=market.book.version, sha256=market.book.sha256),
        mix=market.mix,
        current=today,
        min_confidence=policy.min_confidence,
        sessions=policy.sessions,
        never=KeptRequests(
            features=list(policy.never.features),
            models=list(policy.never.models),
            users=list(policy.never.users),
        ),
        routes=[
            route
            for number, treatment in treatments
            for route in _routes(policy, market, number, treatment, today)
        ],
    )


def _routes(
    policy: Policy, market: Market, number: int, treatment: Treatment, today: ServingModel | None
) -> Iterator[Route]:
    """The routes of one treatment."""
    candidates, absent = _candidates(policy, market, number)
    spare, missing = _split([market.place(seat) for seat in _allowed_seats(
        policy, market, [(name,) for name in treatment.fallbacks]
    )])  # fmt: skip
    serving = [place.provider for place in (*candidates, *spare)]
    variations = [Variation()]
    if not treatment.keep:
        variations = find_variations(policy, serving, today.provider if today else None)
    name, title = _name(policy, number)
    floor = policy.floor(number)
    for variation in variations:
        if not _may_happen(treatment, variation):
            continue
        may = variation.allowed
        chosen = [place for place in candidates if may is None or place.provider in may]
        yield Route(
            name=name + variation.suffix,
            rule=title,
            title=title + variation.told,
            when=_when(treatment, variation),
            keep=not chosen,
            candidates=chosen,
            fallbacks=[p for p in spare if (may is None or p.provider in may)] if chosen else [],
            then_current=bool(chosen) and not treatment.fallbacks,
            current_may_serve=today is not None and (may is None or today.provider in may),
            absent=absent + missing,
            by_price=any(len(group) > 1 for group in policy.groups.get(number, ())) and len(chosen) > 1,
            share=treatment.share,
            max_attempts=treatment.max_attempts,
            retry_rate=treatment.retry_rate,
            success_rate=treatment.success_rate,
            quality_floor=floor,
            verification=_check(treatment),
        )


def _may_happen(treatment: Treatment, variation: Variation) -> bool:
    """Whether a treatment has such requests; tiers need no route for those served by other providers."""
    if not isinstance(treatment, RulePolicy):
        return not variation.suffix.startswith("-elsewhere")
    return not (treatment.providers and variation.origin) or matches(treatment.providers, *variation.origin)


def _candidates(policy: Policy, market: Market, number: int) -> tuple[list[ServingModel], list[Absent]]:
    """The candidates of a number, group by group, the cheaper of a group first; and those out of service."""
    treatment = policy.treatment(number)
    named = treatment is not None and bool(treatment.candidates)
    found: dict[str, ServingModel] = {}
    absent: list[Absent] = []
    for group in policy.groups.get(number, ()):
        seats = market.known(group, policy, named=named)
        places, missing = _split([market.place(seat) for seat in _allowed_seats(policy, market, list(seats))])
        for place in sorted(places, key=market.cost):  # stable: the order of the policy breaks ties
            found.setdefault(f"{place.provider}/{place.book_model}", place)
        absent += [seat for seat in missing if seat not in absent]
    return list(found.values()), absent


def _allowed_seats(policy: Policy, market: Market, seats: Sequence[Seat]) -> list[Seat]:
    return [candidate.names for candidate in candidates_of(seats, market.book, policy.providers)]


def _split(places: Sequence[ServingModel | Absent]) -> tuple[list[ServingModel], list[Absent]]:
    return (
        [place for place in places if isinstance(place, ServingModel)],
        [place for place in places if isinstance(place, Absent)],
    )


def _name(policy: Policy, number: int) -> tuple[str, str]:
    """The name of a number's route, unique and fit for a URL, and its title."""
    if number < RULES_FROM:
        return f"tier-{number}", f"tier {number} ({Tier(number).label})"
    place = number - RULES_FROM
    words = [_slug(rule.name) for rule in policy.rules]
    unique = words[place] and words.count(words[place]) == 1
    own = policy.rules[place].name
    return (
        f"rule-{words[place]}" if unique and not words[place].isdigit() else f"rule-{place + 1}",
        f"rule {place + 1}" + (f" ({own})" if own else ""),
    )


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]


def _when(treatment: Treatment, variation: Variation) -> RouteWhen:
    asked = RouteWhen(providers=list(variation.origin), residency=list(variation.residency))
    if isinstance(treatment, TierPolicy):
        return asked.model_copy(update={"tiers": [treatment.tier]})
    if not isinstance(treatment, RulePolicy):
        raise TypeError("a treatment is of a tier or of a rule")
    return asked.model_copy(
        update={
            "tiers": list(treatment.tiers),
            "features": list(treatment.features),
            "models": list(treatment.models),
            "gateways": list(treatment.gateways),
            "service_tiers": list(treatment.service_tiers),
            "providers": list(variation.origin or treatment.providers),
        }
    )


def _check(treatment: Treatment) -> VerificationPass | None:
    check = treatment.verification
    if not check.multiple and check.model is None:
        return None
    return VerificationPass(
        multiple=check.multiple, model=check.model, output_tokens=check.output_tokens, on=check.on
    )
