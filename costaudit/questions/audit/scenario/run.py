"""Scenarios: a described month of traffic instead of a log, before and after. Data files, user-writable."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from costaudit.errors import ConfigError, UsageError, did_you_mean
from costaudit.money import EXACT, is_amount, percent_of, usd_for
from costaudit.prices.book import PriceBook
from costaudit.prices.cards import Card, name_timeline
from costaudit.prices.resolver import Resolved, Resolver
from costaudit.prices.rows import instant_us
from costaudit.prices.what_if import changed_book, parse_change
from costaudit.textfile import is_there
from costaudit.toml.load import load_toml

SHIPPED_SCENARIOS: Final = Path(__file__).parent / "scenarios"
DEFAULT_SCENARIO: Final = "ten-million"

_STRICT = ConfigDict(extra="forbid", frozen=True)


def _no_float(value: Any) -> Any:
    if isinstance(value, float):
        raise ValueError('write amounts and shares as strings, like "0.6"')  # noqa: TRY004 - pydantic wants it
    try:
        number = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        return value  # pydantic says so
    if number is not None and not is_amount(number):
        raise ValueError(f'{value!r} is no amount or share: like "0.6"')
    return value


Number = Annotated[Decimal, BeforeValidator(_no_float)]


class Cost(BaseModel):
    """What one request of a segment costs: blended tokens at a rate, or models of the book at a date."""

    model_config = _STRICT

    tokens: int | None = Field(default=None, ge=0, le=10**15)
    usd_per_mtok: Number | None = Field(default=None, ge=0)
    model: str | None = None
    cheapest_of: tuple[str, ...] = ()
    """Instead of one model: the one of these that costs such a request least."""
    at: str | None = None
    input_tokens: int = Field(default=0, ge=0, le=10**15)
    cache_read_tokens: int = Field(default=0, ge=0, le=10**15)
    output_tokens: int = Field(default=0, ge=0, le=10**15)
    verification: Number = Field(default=Decimal(0), ge=0, le=10)
    """Cost of the verification pass as a multiple of the request's own."""

    @model_validator(mode="after")
    def _one_way(self) -> Cost:
        blended = (self.tokens is not None, self.usd_per_mtok is not None)
        named = self.model is not None or bool(self.cheapest_of)
        if blended != ((False, False) if named else (True, True)) or (self.model and self.cheapest_of):
            raise ValueError(
                "give either tokens and usd_per_mtok, or model with input_tokens and output_tokens; "
                "cheapest_of takes the place of model"
            )
        return self


class TrafficSegment(BaseModel):
    """A part of the traffic."""

    model_config = _STRICT

    name: str
    tiers: tuple[Literal[0, 1, 2, 3], ...] = Field(min_length=1)
    share: Number | Literal["solve", "rest"]
    before: Cost
    after: Cost


class Lever(BaseModel):
    """A further step that leaves a share of the cost."""

    model_config = _STRICT

    name: str
    keeps: Number = Field(ge=0, le=1)


class Published(BaseModel):
    """A figure that the scenario's source prints."""

    model_config = _STRICT

    figure: str
    value: Number
    unit: Number = Decimal(1)
    """What the source rounded the figure to."""
    explanation: str = ""


class Solve(BaseModel):
    """What the segment with share = "solve" is solved from."""

    model_config = _STRICT

    after_routing_usd: Number


class Scenario(BaseModel):
    """A scenario file."""

    model_config = _STRICT

    schema_: Literal["costaudit/scenario@1"] = Field(alias="schema")
    name: str
    title: str
    source: str = ""
    requests: int = Field(ge=1, le=10**15)
    price_changes: tuple[str, ...] = ()
    """Prices that are supposed, as `--price-change` takes them."""
    segments: tuple[TrafficSegment, ...] = Field(min_length=1)
    levers: tuple[Lever, ...] = ()
    solve: Solve | None = None
    published: tuple[Published, ...] = ()

    @model_validator(mode="after")
    def _shares(self) -> Scenario:
        open_shares = [s.share for s in self.segments if isinstance(s.share, str)]
        if open_shares not in ([], ["rest"], ["solve", "rest"]):
            raise ValueError('shares are numbers, with at most one "solve" and then one "rest"')
        if ("solve" in open_shares) != (self.solve is not None):
            raise ValueError('share = "solve" and a [solve] table belong together')
        fixed = sum((s.share for s in self.segments if isinstance(s.share, Decimal)), Decimal(0))
        if (not open_shares and fixed != 1) or fixed > 1:
            raise ValueError(f"the shares add up to {fixed}, not to 1")
        return self


class SegmentResult(msgspec.Struct, frozen=True):
    """A segment with its money per month."""

    segment: TrafficSegment
    requests: int
    before_usd: Decimal
    routed_usd: Decimal
    """After routing, without verification."""
    verification_usd: Decimal
    share_percent: str
    """Share of all requests, two decimals."""


class ScenarioResult(msgspec.Struct, frozen=True):
    """A scenario with its money per month; the steps add up from before to after."""

    scenario: Scenario
    book: PriceBook
    """With the price changes of the scenario made."""
    segments: tuple[SegmentResult, ...]
    before_usd: Decimal
    after_usd: Decimal
    steps: tuple[tuple[str, Decimal], ...]

    def figures(self, markups: dict[str, Decimal]) -> dict[str, Decimal]:
        """Computed figures under the names that `published` uses."""
        routing = dict(self.steps)
        after_routing = self.before_usd + routing["routing"] + routing["verification"]
        saved = (self.before_usd - self.after_usd) * 100 / self.before_usd if self.before_usd else Decimal(0)
        figures = {
            "before_usd": self.before_usd, "after_usd": self.after_usd, "after_routing_usd": after_routing,
            "savings_percent": saved,
        }  # fmt: skip
        for percent, monthly in markups.items():
            figures[f"markup_{percent}_percent_monthly_usd"] = monthly
            figures[f"markup_{percent}_percent_yearly_usd"] = monthly * 12
        return figures


def load_scenario(source: str | Path | None = None) -> Scenario:
    """The scenario of a file or of a shipped name; raises ConfigError when it is invalid."""
    name = str(source or DEFAULT_SCENARIO)
    shipped = shipped_scenarios()
    path = Path(name) if is_there(Path(name)) else shipped.get(name)
    if path is None:
        hint = did_you_mean(name, shipped) or "shipped: " + ", ".join(sorted(shipped))
        raise ConfigError("no such scenario file, and no shipped scenario of that name", path=name, hint=hint)
    read = load_toml(path, name)
    try:
        return Scenario.model_validate(read.table)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"{where}: {first['msg']}".lstrip(": ")
        raise ConfigError(message, path=name, line=read.line(*first["loc"])) from error


def shipped_scenarios() -> dict[str, Path]:
    """The scenarios that come with costaudit, by name."""
    return {path.stem: path for path in sorted(SHIPPED_SCENARIOS.glob("*.toml"))}


def run_scenario(
    scenario: Scenario, book: PriceBook, resolver: Resolver, prices_at: int | None = None
) -> ScenarioResult:
    """Price a scenario; raises ConfigError when a model has no price at its date."""
    book = _supposed(scenario, book, resolver)

    def cost(of: Cost) -> Decimal:
        return _request_usd(of, book, resolver, prices_at)

    segments = tuple(_settled(segment, cost) for segment in scenario.segments)
    scenario = scenario.model_copy(update={"segments": segments})
    unit = {s.name: (cost(s.before), cost(s.after)) for s in segments}
    requests = _requests(scenario, unit)
    results = []
    for segment in scenario.segments:
        number = requests[segment.name]
        before, after = (EXACT.multiply(usd, Decimal(number)) for usd in unit[segment.name])
        before *= 1 + segment.before.verification
        share = percent_of(Decimal(number), Decimal(scenario.requests), places=2) or "0"
        verified = after * segment.after.verification
        results.append(SegmentResult(segment, number, before, after, verified, share))
    before_usd = sum((r.before_usd for r in results), Decimal(0))
    routed = sum((r.routed_usd for r in results), Decimal(0))
    verification = sum((r.verification_usd for r in results), Decimal(0))
    steps = [("before", before_usd), ("routing", routed - before_usd), ("verification", verification)]
    after = routed + verification
    for lever in scenario.levers:
        left = EXACT.multiply(after, lever.keeps)
        steps.append((lever.name, left - after))
        after = left
    steps.append(("after", after))
    return ScenarioResult(scenario, book, tuple(results), before_usd, after, tuple(steps))


def _supposed(scenario: Scenario, book: PriceBook, resolver: Resolver) -> PriceBook:
    try:
        return changed_book(book, [parse_change(text, book, resolver) for text in scenario.price_changes])
    except UsageError as error:
        raise ConfigError(error.message, hint=error.hint, path=scenario.name) from error


def _settled(segment: TrafficSegment, usd: Callable[[Cost], Decimal]) -> TrafficSegment:
    """The segment with the cheapest model where it names several; of equals the first."""

    def one(cost: Cost) -> Cost:
        each = [cost.model_copy(update={"model": name, "cheapest_of": ()}) for name in cost.cheapest_of]
        return min(each, key=usd, default=cost)

    return segment.model_copy(update={"before": one(segment.before), "after": one(segment.after)})


def _requests(scenario: Scenario, unit: dict[str, tuple[Decimal, Decimal]]) -> dict[str, int]:
    """Requests per segment. A solved share is the one that makes the routed cost the given one."""
    found = {
        s.name: int((s.share * scenario.requests).to_integral_value(ROUND_HALF_EVEN))
        for s in scenario.segments
        if isinstance(s.share, Decimal)
    }
    left = scenario.requests - sum(found.values())
    solved = next((s for s in scenario.segments if s.share == "solve"), None)
    rest = next((s for s in scenario.segments if s.share == "rest"), None)
    if solved is not None and rest is not None and scenario.solve is not None:
        cheap = unit[solved.name][1] * (1 + solved.after.verification)
        dear = unit[rest.name][1] * (1 + rest.after.verification)
        fixed = sum(
            unit[s.name][1] * (1 + s.after.verification) * found[s.name]
            for s in scenario.segments
            if s.name in found
        )
        if dear == cheap:
            raise ConfigError("the share cannot be solved: both segments cost the same", path=scenario.name)
        share = (dear * left + fixed - scenario.solve.after_routing_usd) / (dear - cheap)
        number = int(share.to_integral_value(ROUND_HALF_EVEN))
        if not 0 <= number <= left:
            raise ConfigError("no share between 0 and 1 gives the cost to be solved for", path=scenario.name)
        found[solved.name] = number
        left -= number
    if rest is not None:
        found[rest.name] = left
    return found


def _request_usd(cost: Cost, book: PriceBook, resolver: Resolver, prices_at: int | None) -> Decimal:
    """Dollars of one request."""
    if cost.tokens is not None and cost.usd_per_mtok is not None:
        return usd_for(cost.tokens, cost.usd_per_mtok)
    card = _card(cost, book, resolver, prices_at)
    counts = {"input": cost.input_tokens, "cache_read": cost.cache_read_tokens, "output": cost.output_tokens}
    total = Decimal(0)
    for name, tokens in counts.items():
        if tokens and name not in card.rates:
            raise ConfigError(f"{card.id} has no price for {name}")
        total += usd_for(tokens, card.rates[name].usd) if tokens else 0
    return total


def _card(cost: Cost, book: PriceBook, resolver: Resolver, prices_at: int | None) -> Card:
    provider, _, model = (cost.model or "").rpartition("/")
    if prices_at is not None:
        at = prices_at
    else:
        try:
            at = instant_us(cost.at or "")
        except ValueError as error:
            raise ConfigError(
                f"{cost.model}: at = {cost.at!r} is not a date", hint="like 2024-06-01"
            ) from error
    periods = resolver.periods(provider or None, model)
    if not any(isinstance(r, Resolved) for _, r in periods):
        raise ConfigError(f"no model {cost.model!r} in the price book", hint="see costaudit pricing list")
    card = name_timeline(book, periods, "standard").at(at, cost.input_tokens + cost.cache_read_tokens)
    if isinstance(card, str):
        raise ConfigError(f"{cost.model} has no price at {cost.at}: {card}")
    return card
