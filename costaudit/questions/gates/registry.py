"""Every gate, in the order of its code. A new gate is one file and one entry here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from costaudit.errors import UsageError, did_you_mean
from costaudit.questions.gates.budget import find_budgets
from costaudit.questions.gates.case import GateCase
from costaudit.questions.gates.markup import find_markups
from costaudit.questions.gates.outcome import Measured
from costaudit.questions.gates.policies import find_dead_seats
from costaudit.questions.gates.price_age import find_price_age
from costaudit.questions.gates.shares import find_coverage, find_failures, find_flagship, find_untagged
from costaudit.questions.gates.unpriced import find_unpriced_models


class Gate(msgspec.Struct, frozen=True):
    """A kind of gate: what it measures, why, and what to do when it fails."""

    code: str
    """CA7 and two digits."""
    name: str
    setting: str
    """Its key in `[gates]`."""
    what: str
    """What is measured."""
    why: str
    fix: str
    """What to do when it fails."""
    example: str
    """Settings that ask for it."""
    find: Callable[[GateCase], Iterable[Measured]]
    needs_log: bool = True


GATES: Final = (
    Gate(
        "CA701", "budget", "budget",
        "What the requests of a feature, tier or model, or all of them, were billed: in the log as it is, "
        "scaled to a day or to 30 days, or on the dearest day of the log.",
        "A bill is noticed when it comes; a budget in a check is noticed when the traffic changes.",
        "Look at `costaudit analyze` for what grew; raise the budget where the growth is meant.",
        '[[gates.budget]]\nper = "month"\ndeny = "5000"\nwarn = "4000"\n\n'
        '[[gates.budget]]\nfeature = "search*"\nper = "peak-day"\ndeny = "40"',
        find_budgets,
    ),
    Gate(
        "CA702", "coverage", "coverage",
        "The share of requests and of tokens that has a price.",
        "Every figure of the check is as good as its coverage: what has no price is in no budget. "
        "Below `deny` nothing can be judged: the check ends with exit code 2, whatever other gates say.",
        "Add the missing prices or map the names (docs/pricing.md); `costaudit analyze` lists them.",
        '[gates.coverage]\nrequests = "95%"\ntokens = { deny = "95%", warn = "99%" }',
        find_coverage,
    ),
    Gate(
        "CA703", "flagship-share", "flagship",
        "Among the requests of simple tiers (0 and 1 by default) on chat models: the share that a flagship "
        "model served, and the share of their spend.",
        "Simple requests on flagship models are the largest saving in most logs, and they creep back.",
        "Route the simple tiers to a cheaper class: `costaudit simulate` shows what that would come to.",
        '[gates.flagship]\nrequests = "20%"\nspend = { deny = "80%", warn = "60%" }\ntiers = [0, 1]',
        find_flagship,
    ),
    Gate(
        "CA704", "markup", "markup",
        "What was billed above list through each gateway, in percent of list: by the costs that the log "
        "states, else by the published fee.",
        "A gateway's fee changes without a line in your code, and a proxy can bill what no contract says.",
        "Compare with an invoice; `costaudit analyze` tells a fee from double counting and other causes.",
        '[gates.markup]\ndeny = "6%"\ngateways = { hubgate = { deny = "10%", warn = "8%" } }',
        find_markups,
    ),
    Gate(
        "CA705", "price-age", "price_age",
        "Days since the oldest of the price rows that priced this log was compared with its source. "
        "Without a log: of the models that the policies route to.",
        "Prices change without notice; an audit by old prices is wrong and does not look it.",
        "Compare the row with the provider's page and set checked_on, or install newer tables.",
        "[gates]\nprice_age = { deny = 180, warn = 90 }",
        find_price_age, needs_log=False,
    ),
    Gate(
        "CA706", "failure-cost", "failure_cost",
        "The share of the bill for attempts without an answer: errors, cancelled calls, attempts that a "
        "retry replaced.",
        "Retries against a failing provider are billed and bring nothing.",
        "Fail over to another provider instead of retrying; cap retries; stop streams that nobody reads.",
        '[gates]\nfailure_cost = { deny = "5%", warn = "2%" }',
        find_failures,
    ),
    Gate(
        "CA707", "policy-models", "policy",
        "Seats of the routing policies that no model can serve on the day: not in the price book, without "
        "an input or output price, not released yet, or retired.",
        "A policy that routes to a retired model fails when it is deployed, and projects savings before.",
        "Name the successor in the policy or roster, or add its prices.",
        '[gates.policy]\nlevel = "deny"\nfiles = ["default"]',
        find_dead_seats, needs_log=False,
    ),
    Gate(
        "CA708", "untagged-share", "untagged",
        "The share of requests, and of the bill, without a complexity tier.",
        "What has no tier keeps its model: a large untagged share hides savings and empties tier budgets.",
        "Log endpoint or feature names, or an explicit tier; write rules of your own (docs/tiers.md).",
        '[gates.untagged]\nrequests = "10%"\nspend = { warn = "5%" }',
        find_untagged,
    ),
    Gate(
        "CA709", "unpriced-models", "unpriced",
        "Models of the log without a price that no pattern of the allow-list names.",
        "A new model is in no total until somebody prices it; coverage shows it only once it is large.",
        "Add its price or map its name (docs/pricing.md), or allow it.",
        '[gates.unpriced]\nlevel = "deny"\nallow = ["acme-*"]',
        find_unpriced_models,
    ),
)  # fmt: skip

BY_CODE: Final = {gate.code: gate for gate in GATES}
COVERAGE: Final = BY_CODE["CA702"]


def gate_named(text: str) -> Gate:
    """A gate by its code, name or setting, in any case; raises UsageError with the closest one."""
    names = {word: gate for gate in GATES for word in (gate.code.lower(), gate.name, gate.setting)}
    found = names.get(text.lower())
    if found is None:
        hint = did_you_mean(text.lower(), names) or f"one of {', '.join(gate.name for gate in GATES)}"
        raise UsageError(f"no gate {text!r}", hint=hint)
    return found
