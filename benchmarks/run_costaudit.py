"""One audit by costaudit as a library: prints its totals as JSON. Usage: run_costaudit KIND LOG."""

from __future__ import annotations

import json
import sys
from decimal import Decimal

from costaudit.cli import lean


def usd(amount: Decimal | None) -> str:
    """Dollars without trailing zeros."""
    return format((amount or Decimal(0)).normalize(), "f")


def main() -> None:
    """What `costaudit analyze` does, spared what that is spared: one pass, then the whole report."""
    lean.collect_rarely()
    lean.start_little()
    lean.take_no_docstrings_apart()
    with lean.without_pandas():
        audit_all()
    lean.collect_no_more()


def audit_all() -> None:
    """Audit the log of the command line, and print what it comes to."""
    from costaudit.engine.audit import audit_tape, informed  # noqa: PLC0415 - start-up
    from costaudit.engine.plan import Plan  # noqa: PLC0415
    from costaudit.ingest.files import find_logs  # noqa: PLC0415
    from costaudit.prices.book import load_book  # noqa: PLC0415
    from costaudit.prices.gateways import load_gateways  # noqa: PLC0415
    from costaudit.prices.resolver import Resolver  # noqa: PLC0415
    from costaudit.questions.audit.build import build_audit  # noqa: PLC0415
    from costaudit.routing.policy_load import load_policy  # noqa: PLC0415
    from costaudit.tape.read import read_tape  # noqa: PLC0415
    from costaudit.tiers.rules import load_rules  # noqa: PLC0415
    from costaudit.tiers.tagger import Tagger  # noqa: PLC0415

    lean.keep_freed_memory()
    book = load_book()
    plan = Plan.of(book, Resolver(book), Tagger(load_rules()), load_policy())
    with read_tape(find_logs(sys.argv[2:3])[0], plan.tagger) as tape:
        passed = audit_tape(tape, informed(tape, plan))
    audit = build_audit(passed, load_gateways())
    tokens = audit.spend.tokens
    tiers = sorted(
        (-1 if t.tier is None else t.tier, t.requests, usd(t.list_usd), usd(t.after_usd))
        for t in audit.by_tier
    )
    print(json.dumps({
        "requests": audit.spend.requests,
        "tokens": [tokens.input, tokens.cache_read, tokens.output],
        "set_aside": dict(passed.found.quarantine.counts),
        "list_usd": usd(audit.spend.list_usd),
        "reported_usd": None if audit.spend.reported_usd is None else usd(audit.spend.reported_usd),
        "by_tier": [[tier, requests, list_] for tier, requests, list_, _ in tiers],
        "after_usd": usd(audit.projection.after_usd),
        "after": [after for *_, after in tiers],
        "rows": {
            "ledger": passed.cells.rows,
            "users": len(audit.by_user),
            "features": len(audit.by_feature),
            "days": len(audit.by_day),
        },
    }))  # fmt: skip


if __name__ == "__main__":
    main()
