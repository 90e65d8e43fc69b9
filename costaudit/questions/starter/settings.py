"""Settings to begin with: gates that today's log passes, and an example of everything else."""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from costaudit.money import shown as dollars
from costaudit.questions.starter.toml import can_be_written, literal, shown, string, strings
from costaudit.questions.starter.usage import Usage

FILE: Final = "costaudit.toml"
ALLOWED: Final = 20
"""Models without a price that are allowed by name."""

HEAD: Final = """\
# Settings of costaudit. Every command takes the nearest {file} from its directory upwards; paths are
# relative to this file, and options of the command line come on top. costaudit config show says what is in
# force.
# A line that begins with # and no space is an example: take the # away.

#prices = "pricing"                     # price tables instead of the shipped ones
#overlays = ["our-prices"]              # own prices, laid over the book (docs/pricing.md)
#tier_rules = "tier-rules.toml"         # own rules for tiers (docs/tiers.md)
#calibration = "calibration.toml"       # as costaudit label --save writes it
#cache = true                           # keep what logs come to for the next question
#labels = "sample.csv"                  # a labelled sample of these logs

# Names in the logs that stand for models of the book.
#[map]
#{mapped} = "azure/gpt-4o-2024-08-06"

#[[discounts]]
#provider = "anthropic"
#model = "claude-*"                     # every model, without this line
#percent = "12.5"
#valid_from = 2026-01-01

# --- Gates: costaudit check LOGS judges them (docs/gates.md). A limit is a plain value, or a table of deny
# (the check fails) and warn. Exactly at a limit nothing is exceeded.
[gates]
price_age = {{ deny = 365, warn = 180 }}  # days since the prices that are used were checked
"""


def render_settings(usage: Usage | None = None, policy: str | None = None) -> str:
    """A settings file; with a log its limits leave room for what the log shows. `policy` is a policy file."""
    mapped = next(
        (string(n.rpartition("/")[2]) for n in _unpriced(usage) if n.rpartition("/")[2]), '"prod-chat"'
    )
    return HEAD.format(file=FILE, mapped=mapped) + "".join(
        (
            *_failures(usage),
            *_coverage(usage),
            *_policy(policy),
            *_unpriced_gate(usage),
            *_budgets(usage),
            *_flagship(),
            *_markup(usage),
            *_untagged(usage),
        )
    )


def _unpriced(usage: Usage | None) -> list[str]:
    return [name for name in usage.unpriced if can_be_written(name)] if usage is not None else []


def _here(usage: Usage | None, figure: str) -> str:
    return "" if usage is None else f"; this log: {figure}"


def _failures(usage: Usage | None) -> Iterator[str]:
    found = usage.failed if usage is not None else None
    deny = max(Decimal(10), _up(found)) if found is not None else Decimal(10)
    warn = Decimal(3) if found is None or found <= 3 else None
    told = _here(usage, "—" if found is None else f"{_short(found)}%")
    yield f"failure_cost = {_limit(deny, warn)}  # of the bill, for attempts without an answer{told}\n"


def _coverage(usage: Usage | None) -> Iterator[str]:
    yield "\n# How much of the log must have a price. Below deny nothing is judged: exit 2.\n"
    yield "[gates.coverage]\n"
    for name in ("requests", "tokens"):
        found = getattr(usage, f"{name}_priced") if usage is not None else None
        deny = min(Decimal(90), _down(found)) if found is not None else Decimal(90)
        warn = Decimal(99) if found is None or found >= 99 else None
        told = "" if usage is None else f"  # this log: {'—' if found is None else f'{_short(found)}%'}"
        yield f"{name} = {_limit(deny, warn)}{told}\n"


def _policy(policy: str | None) -> Iterator[str]:
    yield "\n# Every model of the routing policy has a price and is in service.\n"
    yield '[gates.policy]\nlevel = "deny"\n'
    yield f"files = {strings([policy])}\n" if policy is not None else '#files = ["routing-policy.toml"]\n'


def _unpriced_gate(usage: Usage | None) -> Iterator[str]:
    names = [literal(name) for name in _unpriced(usage)]
    yield '\n# Models without a price, but for those that are allowed.\n[gates.unpriced]\nlevel = "warn"\n'
    yield f"allow = {strings(names[:ALLOWED])}\n"


def _budgets(usage: Usage | None) -> Iterator[str]:
    yield "\n# What requests may cost: per log, day, month (30 days), or peak-day (the dearest of the log).\n"
    monthly = usage.monthly_usd if usage is not None else None
    if monthly:
        yield f'[[gates.budget]]  # this log: {dollars(monthly)} per 30 days\nper = "month"\n'
        yield f"deny = {_room(monthly, '1.25')}  # a quarter above\n"
        yield f"warn = {_room(monthly, '1.1')}  # a tenth above\n"
    else:
        yield '#[[gates.budget]]\n#per = "month"\n#deny = "5000"\n#warn = "4000"\n'
    row = next((r for r in usage.features if can_be_written(r.feature)), None) if usage is not None else None
    name = literal(row.feature or "") if row is not None else "search*"
    told = "" if row is None else f"  # this log: {dollars(row.billed_usd)} in all, the most of a feature"
    yield f'\n#[[gates.budget]]\n#feature = {string(name)}{told}\n#per = "peak-day"\n#deny = "40"\n'
    yield '\n#[[gates.budget]]\n#tier = 0\n#model = "anthropic/*"\n#per = "day"\n#warn = "5"\n'


def _flagship() -> Iterator[str]:
    yield "\n# Simple requests (tier 0 and 1) on flagship models.\n#[gates.flagship]\n"
    yield '#requests = "20%"\n#spend = { deny = "80%", warn = "60%" }\n'


def _markup(usage: Usage | None) -> Iterator[str]:
    found = [(g, p) for g, p in usage.markups if can_be_written(g)] if usage is not None else []
    told = f" This log: {', '.join(f'{shown(g)} {p}%' for g, p in found)}." if found else ""
    own = f"{string(found[0][0])} = " + '{ deny = "10%", warn = "8%" }' if found else 'my-proxy = "10%"'
    yield f'\n# What gateways add to list.{told}\n#[gates.markup]\n#deny = "6%"\n#gateways = {{ {own} }}\n'


def _untagged(usage: Usage | None) -> Iterator[str]:
    told = "" if usage is None else f" This log: {_short(usage.untagged)}% of requests."
    yield f'\n# Requests without a tier.{told}\n#[gates.untagged]\n#requests = "10%"\n'


def _limit(deny: Decimal, warn: Decimal | None) -> str:
    rest = f', warn = "{warn:f}%"' if warn is not None else ""
    return f'{{ deny = "{deny:f}%"{rest} }}'


def _up(percent: Decimal) -> Decimal:
    return min(Decimal(100), percent.to_integral_value(decimal.ROUND_CEILING))


def _down(percent: Decimal) -> Decimal:
    return percent.to_integral_value(decimal.ROUND_FLOOR)


def _short(percent: Decimal) -> str:
    return f"{percent.quantize(Decimal('0.01'), decimal.ROUND_DOWN).normalize():f}"


def _room(amount: Decimal, factor: str) -> str:
    """An amount with room above it, rounded up to two digits that count, as a string of TOML."""
    wanted = amount * Decimal(factor)
    step = Decimal(1).scaleb(wanted.adjusted() - 1)
    return string(f"{(wanted / step).to_integral_value(decimal.ROUND_CEILING) * step:f}")
