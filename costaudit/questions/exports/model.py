"""What a policy comes to at a time: costaudit/policy-export@1, which all configurations are written from."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from costaudit.money import exact

Usd = Annotated[Decimal, PlainSerializer(exact, return_type=str)]
"""Dollars, written exactly."""

Number = Annotated[Decimal, PlainSerializer(lambda value: f"{value.normalize():f}", return_type=str)]
"""A share or a multiple, written exactly."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ServingModel(_Part):
    """A model that may serve, with its standard list price."""

    model: str
    """provider/model, as the policy names it."""
    provider: str
    book_model: str
    """Its id in the price book."""
    usd_per_mtok: dict[str, Usd]
    """By token class, for a short request."""
    most_usd_per_mtok: dict[str, Usd]
    """By token class, the dearest: of the longest requests, at the dearest time of day."""
    context_window: int | None
    max_output: int | None

    @property
    def name(self) -> str:
        """The model without its provider, as the policy spells it."""
        return self.model.partition("/")[2]


class Absent(_Part):
    """A candidate of the policy that cannot serve on that day."""

    models: list[str]
    """The successive models of the seat."""
    reason: str


class Where(_Part):
    """Requests that some providers only may serve; one of the patterns must fit."""

    regions: list[str]
    features: list[str]
    providers: list[str]


class RouteWhen(_Part):
    """Which requests a route is for: each list that is not empty must fit."""

    tiers: list[int] = Field(default_factory=list)
    features: list[str] = Field(default_factory=list)
    models: list[str] = Field(default_factory=list)
    providers: list[str] = Field(default_factory=list)
    """Who serves the request today."""
    gateways: list[str] = Field(default_factory=list)
    service_tiers: list[str] = Field(default_factory=list)
    residency: list[Where] = Field(default_factory=list)
    """Each must fit."""


class VerificationPass(_Part):
    """A verification pass."""

    multiple: Number
    """Of the request's own cost; 0 where a model is named, or without one."""
    model: str | None
    output_tokens: int
    on: Literal["all", "routed"]


class Route(_Part):
    """Where some requests go. The first route whose `when` fits decides."""

    name: str
    rule: str
    """The tier or rule of the policy, in words."""
    title: str
    """The same, with the part of its requests that this route is for."""
    when: RouteWhen
    keep: bool
    """They stay on the model that serves them: the policy says so, or nothing of it may serve them."""
    candidates: list[ServingModel]
    """In the order in which they are tried."""
    fallbacks: list[ServingModel]
    then_current: bool
    """The model that serves today is the last resort."""
    current_may_serve: bool
    """`current` is known, and no residency forbids it."""
    absent: list[Absent]
    by_price: bool
    """Candidates compete by the cost of each request; here they stand in the order of `mix`."""
    share: Number
    max_attempts: int
    retry_rate: Number
    success_rate: Number
    quality_floor: Number | None
    verification: VerificationPass | None


class PriceState(_Part):
    """The price book that was asked."""

    version: str
    sha256: str


class KeptRequests(_Part):
    """Requests that keep their model whatever the routes say; one of the patterns must fit."""

    features: list[str]
    models: list[str]
    users: list[str]

    def __bool__(self) -> bool:
        return bool(self.features or self.models or self.users)


class PolicyExport(_Part):
    """A policy with the models that are in service at a time, and their prices."""

    schema_: Literal["costaudit/policy-export@1"] = Field(alias="schema")
    policy: str
    title: str
    at: str
    """The instant of prices and service, UTC."""
    prices: PriceState
    mix: tuple[int, int]
    """Parts of input and of output by whose price candidates are ordered."""
    current: ServingModel | None
    """The model that serves today, if it was said."""
    min_confidence: int
    """Percent; requests with weaker tags keep their model."""
    sessions: Literal["apart", "together"]
    never: KeptRequests
    routes: list[Route]
    """In the order in which they are asked; requests that fit none keep their model."""

    def chain(self, route: Route) -> list[ServingModel]:
        """Every model that a route tries, each once: where nothing is moved, the one that serves today."""
        last = []
        if self.current is not None and (route.keep or (route.then_current and route.current_may_serve)):
            last = [self.current]
        return list({p.model: p for p in (*route.candidates, *route.fallbacks, *last)}.values())
