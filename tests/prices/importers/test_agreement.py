"""The tool that holds the book against tables that agree with each other."""

from __future__ import annotations

from decimal import Decimal

import pytest

from costaudit.prices.rows import instant_us
from tests.prices.importers.conftest import SOURCES
from tools.price_agreement import find_agreed, main, observe

AT = instant_us("2026-11-01")


def test_a_lineage_alone_makes_no_agreement(book):
    made_alike = [str(SOURCES / "litellm.json"), str(SOURCES / "veqen.json")]
    assert list(find_agreed(observe(book, made_alike, AT))) == []


def test_what_two_lineages_state_is_held_against_the_book(book):
    sources = [str(SOURCES / "model_prices.json"), str(SOURCES / "veqen.json")]
    found = {a.point[2:]: (a.usd, a.ours) for a in find_agreed(observe(book, sources, AT))}
    assert found == {
        ("input", ""): (4, "4"),
        ("output", ""): (20, "20"),
        ("cache_read", ""): (Decimal("0.4"), "0.4"),
        ("cache_write_5m", ""): (5, "none"),
        ("input", "context>272000"): (8, "8"),
        ("input", "tier=batch"): (2, "none"),
    }


def test_what_the_shipped_book_does_not_know_is_no_difference(
    capsys: pytest.CaptureFixture[str], monkeypatch
):
    monkeypatch.setattr("sys.argv", ["price_agreement.py", str(SOURCES / "veqen.json")])
    assert main() == 0
    assert capsys.readouterr().out.startswith("0 points")
