"""What the readers take a source's counts to include: all from the table, nothing of their own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from costaudit.ingest.meaning import includes
from costaudit.prices.semantics import ANY, FLAVOURS, load_semantics
from costaudit.stated import Includes

ADAPTERS = Path(__file__).resolve().parents[2] / "costaudit" / "ingest" / "adapters"


@pytest.mark.parametrize(
    ("provider", "flavour", "expected"),
    [
        ("openai", "chat", Includes()),
        (None, "chat", Includes()),
        ("xai", "chat", Includes(reasoning=False)),
        ("google", "chat", Includes(reasoning=False)),
        ("anthropic", "messages", Includes(cache=False)),
        ("vertex", "gemini", Includes(reasoning=False)),
        (None, "litellm", Includes()),
        (None, "helicone", Includes(cache=False, reasoning=False, media=False)),
    ],
)
def test_a_row_as_the_rule_takes_it(provider: str | None, flavour: str, expected: Includes):
    assert includes(provider, flavour) == expected


def test_every_flavour_has_a_row_for_any_provider():
    rows = load_semantics().rows
    assert all((ANY, flavour) in rows for flavour in FLAVOURS)


def test_adapters_name_known_flavours_and_state_no_meaning_themselves():
    used = set()
    for path in sorted(ADAPTERS.glob("*.py")):
        text = path.read_text("utf-8")
        used |= set(re.findall(r'includes\([^()]*?"(\w+)"(?: if [^()]* else "(\w+)")?\)', text))
        own = re.findall(r"Includes\((?!\s*$)", text)
        assert not own or path.name in {"flat.py", "mapped.py"}, path.name  # what a mapping states
    assert {word for words in used for word in words if word} == set(FLAVOURS)


def test_no_provider_counts_reads_in_one_way_and_writes_in_another():
    for row in load_semantics().rows.values():
        assert row.input_includes in ({"cache_read", "cache_write"}, {"cache_read"}, set()), row
