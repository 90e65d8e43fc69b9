"""A log at supposed prices: against SQL, against a second pass, and against itself."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal
from fnmatch import fnmatchcase
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from costaudit.engine.costing import CostSource, cost_cells, usd
from costaudit.engine.kernel import OUTDATED
from costaudit.money import EXACT
from costaudit.prices.book import PriceBook
from costaudit.prices.changes import PriceChange
from costaudit.prices.gateways import Gateways, load_gateways
from costaudit.prices.resolver import Resolver
from costaudit.prices.rows import instant_us
from costaudit.prices.what_if import TOKEN_PRICES, changed_book, parse_change
from costaudit.questions.audit.build import build_audit
from costaudit.questions.audit.moves.allocation import allocate, allocated_units
from costaudit.questions.audit.moves.build import build_price_move
from costaudit.questions.audit.moves.hanging import Listed, after_by_price, list_by_price
from costaudit.questions.audit.moves.reprice import reprice
from costaudit.questions.audit.work import audited
from costaudit.routing.projection import exact_sum
from tests.engine.audits import audit_pass, book, pass_under, plan_at, random_log, same, write_jsonl
from tests.engine.oracle import Fact, in_duckdb
from tests.engine.test_sql import NAMES, dated
from tests.often import often

SLOW = settings(
    max_examples=often(2, 30),
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

GLOBS = (
    "openai/gpt-4o*", "openai/*", "anthropic/claude-*", "google/gemini-2.5-*", "mistral/*", "*/gpt-5*",
)  # fmt: skip


@st.composite
def changes(draw: st.DrawFn, *, ever: bool = False) -> list[tuple[str, str, Decimal, str]]:
    """Glob, class ('' for all), percent, and the first day ('' for ever)."""
    one = st.tuples(
        st.sampled_from(GLOBS),
        st.sampled_from(["", "input", "output", "cache_read"]),
        st.decimals("-99.99", "300", places=2),
        st.just("") if ever else st.sampled_from(["", "2024-08-01", "2025-11-13"]),
    )
    return draw(st.lists(one, min_size=1, max_size=3))


def supposed(drawn: list[tuple[str, str, Decimal, str]]) -> PriceBook:
    resolver = Resolver(book())
    parsed: list[PriceChange] = []
    for glob, klass, percent, day in drawn:
        text = f"{glob} {klass} {percent:+f}%" + (f" from {day}" if day else "")
        parsed.append(parse_change(text, book(), resolver))
    return changed_book(book(), parsed)


class Revised:
    """The facts of the oracle with the same changes, by Fractions."""

    def __init__(self, drawn: list[tuple[str, str, Decimal, str]]) -> None:
        self.drawn = drawn

    def __call__(self, fact: Fact) -> Iterator[Fact]:
        days = {instant_us(day) for *_, day in self.drawn if day}
        edges = [fact.start, *sorted(d for d in days if fact.start < d < fact.end), fact.end]
        for start, end in itertools.pairwise(edges):
            yield replace(fact, start=start, end=end, usd=self._usd(fact, start))

    def _usd(self, fact: Fact, start: int) -> Decimal:
        value = Fraction(fact.usd or 0)
        for glob, klass, percent, day in self.drawn:
            fits = fnmatchcase(f"{fact.provider}/{fact.model}".lower(), glob)
            of_class = fact.klass == klass if klass else fact.klass in TOKEN_PRICES
            if fits and of_class and (not day or instant_us(day) <= start):
                value *= 1 + Fraction(percent) / 100
        exact = Decimal(value.numerator) / Decimal(value.denominator)
        return exact.quantize(Decimal("1e-9"), ROUND_HALF_EVEN, EXACT)


def log_of(tmp_path: Path, seed: int, *, every: bool = False) -> Path:
    log = random_log(seed) if every else dated(random_log(seed, models=[n[:2] for n in NAMES]))
    return write_jsonl(tmp_path / "log.jsonl", log)


@SLOW
@given(seed=st.integers(0, 2**32), drawn=changes())
def test_list_cost_at_supposed_prices_agrees_with_sql(tmp_path: Path, seed: int, drawn: list):
    path = log_of(tmp_path, seed)
    sql = in_duckdb(path, NAMES, Revised(drawn))
    femto, priced = sql.execute("SELECT sum(femto), count(femto) FROM priced").fetchone() or (0, 0)
    new = supposed(drawn)
    found = audited(pass_under(plan_at(new), path), load_gateways())
    assert usd(exact_sum(found.costed.list_units)) == Decimal(femto).scaleb(-15)
    assert int(found.passed.cells.measures["requests"][found.costed.priced].sum()) == priced

    old = audit_pass(path)
    then = reprice(old.cells, old.plan, new, None)
    again = cost_cells(then.cells, then.plan, load_gateways())
    assert usd(exact_sum(again.list_units)) == Decimal(femto).scaleb(-15)


@SLOW
@given(seed=st.integers(0, 2**32), drawn=changes())
def test_a_ledger_at_supposed_prices_is_that_of_a_second_pass(tmp_path: Path, seed: int, drawn: list):
    """Also for requests without a time, unknown names, time windows and reported costs."""
    path = log_of(tmp_path, seed, every=True)
    new = supposed(drawn)
    old, again = audit_pass(path), pass_under(plan_at(new), path)
    then = reprice(old.cells, old.plan, new, None)
    one, two = (cost_cells(of.cells, of.plan, load_gateways()) for of in (then, again))
    assert exact_sum(one.list_units) == exact_sum(two.list_units)
    assert exact_sum(one.billed_units) == exact_sum(two.billed_units)
    for of in (then, again):
        card = of.cells.keys["card"][of.cells.keys["reported"] == OUTDATED]
        assert of.plan.prices.supposed()[card].all()


@SLOW
@given(seed=st.integers(0, 2**32), glob=st.sampled_from(GLOBS))
def test_a_change_by_nothing_is_the_same_report(tmp_path: Path, seed: int, glob: str):
    path = log_of(tmp_path, seed, every=True)
    reports = [
        same(build_audit(passed, load_gateways()))
        for passed in (audit_pass(path), pass_under(plan_at(supposed([(glob, "", Decimal(0), "")])), path))
    ]
    one, two = (report.pop("prices") for report in reports)
    assert reports[0] == reports[1]
    assert one.pop("sha256") != two.pop("sha256")
    assert (one.pop("changes"), two.pop("changes")) == ([], [f"{glob} +0%"])
    assert one == two


POLICY = """
schema = "costaudit/policy@1"
name = "terms"
min_confidence = 1
router_usd_per_request = "0.00001"
[[rules]]
features = ["/chat"]
candidates = ["google/gemini-2.5-flash", "openai/gpt-4o-mini"]
fallbacks = ["openai/gpt-4o"]
retry_rate = "0.02"
verification = { model = "openai/gpt-4o-mini", output_tokens = 20, on = "routed" }
[[tiers]]
tier = 0
classes = ["economy"]
success_rate = "0.97"
[[tiers]]
tier = 1
any = true
verification = { model = "anthropic/claude-haiku-4-5", output_tokens = 100, on = "all" }
[[tiers]]
tier = 2
classes = ["mid", "flagship"]
verification = "0.25"
[[tiers]]
tier = 3
keep = true
verification = "0.5"
[[pairs]]
from = "openai/*"
to = "*"
input_ratio = "1.15"
output_ratio = "0.9"
"""


@pytest.fixture
def terms(tmp_path: Path) -> str:
    """A policy with every term that makes a cost."""
    path = tmp_path / "terms.toml"
    path.write_text(POLICY, "utf-8")
    return str(path)


@SLOW
@given(seed=st.integers(0, 2**32))
def test_an_allocation_at_its_own_prices_is_the_projection(tmp_path: Path, terms: str, seed: int):
    path = log_of(tmp_path, seed, every=True)
    for policy in (None, "documents", "cheapest-adequate", terms):
        work = audited(pass_under(plan_at(book(), policy=policy), path), load_gateways())
        routes = allocate(work.costed)
        assert exact_sum(allocated_units(work.costed, routes)) == exact_sum(work.projected.after)
        then = reprice(routes.cells, work.passed.plan, book(), None)
        again = cost_cells(then.cells, then.plan, load_gateways())
        assert allocated_units(again, routes).tolist() == work.projected.after.tolist()
        assert again.billed_units.tolist() == work.costed.billed_units.tolist()
        assert not then.lost[work.costed.priced].any()
        assert not then.lost_routes.any()


@SLOW
@given(seed=st.integers(0, 2**32), drawn=changes(ever=True))
def test_routes_chosen_anew_are_never_dearer_than_old_ones(tmp_path: Path, seed: int, drawn: list):
    path = log_of(tmp_path, seed, every=True)
    for policy in (None, "cheapest-adequate"):
        old = audited(pass_under(plan_at(book(), policy=policy), path), load_gateways())
        new = audited(pass_under(plan_at(supposed(drawn), policy=policy), path), load_gateways())
        move = build_price_move(old, new, load_gateways())
        assert move.static.before_usd == move.reoptimised.before_usd == usd(exact_sum(new.groups.billed))
        assert move.at_old_prices.after_usd == usd(exact_sum(old.projected.after))
        assert move.missed_usd == move.static.after_usd - move.reoptimised.after_usd >= 0
        counts = [(r.static_requests, r.reoptimised_requests) for r in move.by_model]
        assert sum(a for a, _ in counts) == sum(b for _, b in counts)


@SLOW
@given(seed=st.integers(0, 2**32))
def test_what_hangs_on_each_price_adds_up_to_the_bill(tmp_path: Path, seed: int):
    path = log_of(tmp_path, seed, every=True)
    for policy in (None, "documents", "cheapest-adequate"):
        passed = pass_under(plan_at(book(), policy=policy), path)
        listed = Listed.of(passed.cells, passed.plan)
        costed = cost_cells(passed.cells, passed.plan, Gateways({}))
        assert sum(list_by_price(listed).values()) == listed.before_units == exact_sum(costed.list_units)
        assert sum(after_by_price(listed).values()) == listed.after_units


@SLOW
@given(seed=st.integers(0, 2**32), data=st.data())
def test_ten_percent_more_is_a_tenth_of_what_hangs_on_a_price(tmp_path: Path, seed: int, data: st.DataObject):
    passed = audit_pass(log_of(tmp_path, seed))
    listed = Listed.of(passed.cells, passed.plan)
    before, after = list_by_price(listed), after_by_price(listed)
    model, klass = data.draw(st.sampled_from(sorted({**before, **after})))
    change = parse_change(f"{model} {klass} +10%", book(), Resolver(book()))
    assert change.models == {tuple(model.split("/", 1))}
    routes = allocate(cost_cells(passed.cells, passed.plan, Gateways({}), CostSource.LIST))
    then = reprice(routes.cells, passed.plan, changed_book(book(), [change]), None)
    dearer = cost_cells(then.cells, then.plan, Gateways({}), CostSource.LIST)
    # No price of these tables has a ninth decimal, so that a tenth of it is not rounded.
    more = exact_sum(dearer.list_units) - listed.before_units
    more_after = exact_sum(allocated_units(dearer, routes)) - listed.after_units
    assert (more * 10, more_after * 10) == (before.get((model, klass), 0), after.get((model, klass), 0))


def test_a_ledger_at_another_date_is_that_of_a_pass_at_that_date(tmp_path: Path):
    named = [
        (p, m)
        for p, m in (
            ("openai", "gpt-4o-2024-08-06"), ("openai", "o3-2025-04-16"), ("google", "gemini-2.5-pro"),
            ("anthropic", "claude-haiku-4-5-20251001"), ("deepseek", "deepseek-v4-flash"),
        )
    ]  # fmt: skip
    path = write_jsonl(tmp_path / "log.jsonl", dated(random_log(7, 300, models=named)))
    old = audit_pass(path, prices_at=instant_us("2026-09-01"))
    for day in ("2026-10-01", "2026-12-24", "2027-01-01"):
        then = reprice(old.cells, old.plan, book(), instant_us(day))
        anew = audit_pass(path, prices_at=instant_us(day))
        one, two = (cost_cells(of.cells, of.plan, load_gateways()) for of in (then, anew))
        assert exact_sum(one.list_units) == exact_sum(two.list_units) > 0
