"""The part of a report that is about coding agents: see `costaudit.questions.audit.result`.

Every amount is at list price: what the API of the provider charges. No log of an agent says what was paid
where a flat rate is. Projects are names of folders, sessions their ids and files: no text and no title.
"""

from __future__ import annotations

from typing import Literal

from costaudit.render.part import Part, Usd


class AgentTokens(Part, frozen=True, kw_only=True):
    """Disjoint token counts; sound and images are left out."""

    input: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    output: int


class AgentRow(Part, frozen=True, kw_only=True):
    """What some requests of agents come to."""

    requests: int
    tokens: AgentTokens
    list_usd: Usd | None
    """null where nothing in it has a price."""
    reported_usd: Usd | None
    """What the agents themselves say that it cost; null where they do not."""
    unpriced_requests: int
    inexact_requests: int
    """Requests whose tokens the log states in part, or so that they can be read in two ways, or whose tokens
    are estimated: their cost is not exact, and mostly a lower bound."""
    subagent_requests: int
    """Of these, requests of sub-agents: all of them are in the row."""
    subagent_usd: Usd | None


class AgentSum(AgentRow, frozen=True, kw_only=True):
    """All requests of one agent."""

    agent: str
    sessions: int


class AgentProject(AgentRow, frozen=True, kw_only=True):
    """The requests in one project."""

    project: str | None
    """The name of its folder, or the folder of its logs where several have that name; null where no log says
    it."""
    agents: list[str]
    sessions: int


class AgentSession(AgentRow, frozen=True, kw_only=True):
    """The requests of one session, sub-agents included where the agent says whose they are."""

    session: str | None
    """Its id. null for requests that name no session, and in the last row that may stand for others."""
    others: int = 0
    """How many further sessions this row stands for."""
    agent: str | None
    project: str | None
    file: str | None
    """The log that its first request is in."""
    start: str | None
    end: str | None
    """Its first and its last request."""


class AgentDay(AgentRow, frozen=True, kw_only=True):
    """The requests of a UTC day."""

    date: str | None


class AgentModel(AgentRow, frozen=True, kw_only=True):
    """The requests to one model, as resolved or, unpriced, as logged."""

    model: str | None


class AgentCache(Part, frozen=True, kw_only=True):
    """Prompt caches at list price, over the requests with a price."""

    read_tokens: int
    read_usd: Usd
    read_as_input_usd: Usd
    """What the same tokens would have cost as new input."""
    saved_usd: Usd
    """The difference: what the reads saved."""
    write_5m_tokens: int
    write_5m_usd: Usd
    write_1h_tokens: int
    write_1h_usd: Usd
    write_as_input_usd: Usd
    """What the written tokens would have cost as new input, both kinds."""
    net_usd: Usd
    """What the reads saved, less what the writes cost above new input."""


class AgentPlace(Part, frozen=True, kw_only=True):
    """A place where an agent usually keeps its logs."""

    agent: str
    folder: str
    """The home of the user as ~."""
    state: Literal["read", "empty", "unreadable"]
    files: int
    detail: str = ""
    """Why it, or a folder in it, cannot be read."""


class AgentSpend(Part, frozen=True, kw_only=True):
    """What coding agents cost at list price."""

    price: Literal["list"] = "list"
    within_provider: bool
    """Whether the projection moves requests to other models of the same provider alone."""
    total: AgentRow
    sessions: int
    cache: AgentCache
    by_agent: list[AgentSum]
    by_project: list[AgentProject]
    by_session: list[AgentSession]
    by_day: list[AgentDay]
    by_model: list[AgentModel]
    places: list[AgentPlace]
    """The usual places that are there; empty where the logs were named."""
    places_absent: int = 0
    """How many further places were looked for."""
