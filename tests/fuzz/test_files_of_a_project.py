"""Broken settings, policies, rules, scenarios, evals, formats, prices, bills and labels: used or refused."""

from __future__ import annotations

import json
from collections.abc import Sequence

from hypothesis import strategies as st

from tests.conftest import Outcome
from tests.fuzz import seeds
from tests.fuzz.conftest import Try
from tests.fuzz.damage import damaged
from tests.fuzz.explore import explore
from tests.fuzz.test_logs import GOOD, no_number

EXAMPLES = 40
LOG = {"log.jsonl": GOOD}


def is_short(ended: Outcome) -> None:
    """An answer, or a few words why there is none."""
    assert ended.out or ended.err.startswith("costaudit: ")
    assert len(ended.err) < 10_000


def is_told(ended: Outcome) -> None:
    """The same, and what is answered is JSON."""
    is_short(ended)
    if ended.out:
        json.loads(ended.out, parse_constant=no_number)


def use(attempt: Try, name: str, good: Sequence[bytes], argv: str, examples: int = EXAMPLES) -> None:
    """Damage a file, put it beside a log, and have it used; it takes the place of IT."""
    words = argv.replace("IT", name).split()

    def try_it(data: bytes) -> None:
        attempt({**LOG, name: data}, words, is_told if "json" in words else is_short)

    explore(try_it, examples, data=st.sampled_from(good).flatmap(lambda data: damaged(data, good)))


def test_settings(attempt: Try):
    use(attempt, "costaudit.toml", seeds.settings(), "config show -f json")


def test_policies(attempt: Try):
    use(attempt, "policy.toml", seeds.policies(), "policy show IT -f json")


def test_rules(attempt: Try):
    use(attempt, "rules.toml", seeds.RULES, "tag log.jsonl --rules IT")


def test_scenarios(attempt: Try):
    use(attempt, "scenario.toml", seeds.scenarios(), "simulate --scenario IT -f json")


def test_evals(attempt: Try):
    for ending, good in seeds.EVALS.items():
        use(attempt, f"evals{ending}", good, "simulate log.jsonl --evals IT -f json -q", EXAMPLES // 3)


def test_formats(attempt: Try):
    def try_it(drawn: tuple[tuple[bytes, bytes], bytes]) -> None:
        (_, record), settings = drawn
        files = {"own.jsonl": record, "costaudit.toml": settings}
        attempt(files, ["formats", "test", "own.jsonl"], is_short)

    drawn = st.sampled_from(seeds.formats()).flatmap(lambda case: st.tuples(st.just(case), damaged(case[0])))
    explore(try_it, EXAMPLES, drawn=drawn)


def test_price_tables(attempt: Try):
    tables = seeds.tables()

    def try_it(drawn: tuple[str, bytes]) -> None:
        name, data = drawn
        attempt({**tables, name: data}, ["pricing", "check", "pricing", "-f", "json"], is_told)

    names = st.sampled_from(sorted(tables))
    drawn = names.flatmap(lambda name: st.tuples(st.just(name), damaged(tables[name])))
    explore(try_it, EXAMPLES, drawn=drawn)


def test_bills(attempt: Try):
    for ending, good in seeds.bill_files().items():
        use(attempt, f"bill{ending}", good, "analyze log.jsonl --compare-bill IT -f json -q", EXAMPLES // 2)


def test_labels(attempt: Try):
    use(attempt, "sample.csv", [seeds.SAMPLE], "label log.jsonl --read IT -f json -q")
