"""Images and sound are priced as classes of their own, and as text only where the vendor does so."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import asdict

from costaudit.prices.cards import timeline_of
from costaudit.questions.audit.result import Audit
from costaudit.tokens import PRICED_AS
from tests.engine.audits import audit, book, write_jsonl

COUNTS = {"input_tokens": 1000, "output_tokens": 100}


def one(folder: Path, model: str, **stated: Any) -> Audit:
    record = {"timestamp": "2026-02-05T09:15:02Z", "provider": "openai", "model": model, **COUNTS, **stated}
    return audit(write_jsonl(folder / "log.jsonl", [record]))


READ = {"cache_read_tokens": 200}


@pytest.mark.parametrize(
    ("model", "stated", "usd"),
    [
        # gpt-4o-2024-08-06: input 2.50, cache_read 1.25, output 10, no images. 1000 x 2.50 + 100 x 10.
        ("gpt-4o-2024-08-06", {"input_image_tokens": 400}, "0.0035"),
        # 200 of them read from the cache, all of it images: 800 x 2.50 + 200 x 1.25 + 100 x 10.
        ("gpt-4o-2024-08-06", {"input_image_tokens": 400, "cache_read_image_tokens": 200, **READ}, "0.00325"),
        ("gpt-4o-2024-08-06", {"cache_read_audio_tokens": 200, **READ}, "0.00325"),
        # gpt-image-1: input 5, input_image 10, output_image 40. 600 x 5 + 400 x 10 + 100 x 40.
        ("gpt-image-1", {"input_image_tokens": 400, "output_image_tokens": 100}, "0.011"),
    ],
)
def test_the_list_price_by_hand(tmp_path: Path, model: str, stated: dict[str, int], usd: str):
    report = one(tmp_path, model, **stated)
    assert report.spend.list_usd == Decimal(usd)
    assert not report.coverage.unpriced


@pytest.mark.parametrize("name", ["output_image_tokens", "output_audio_tokens", "input_audio_tokens"])
def test_what_no_vendor_bills_as_text_is_unpriced_without_a_price(tmp_path: Path, name: str):
    report = one(tmp_path, "gpt-4o-2024-08-06", **{name: 50})
    assert [u.reason for u in report.coverage.unpriced] == ["no_price_for_token_class"]
    assert not report.spend.list_usd


def test_the_report_counts_every_class(tmp_path: Path):
    stated = {
        "input_image_tokens": 400, "output_image_tokens": 30, "cache_read_tokens": 300,
        "cache_read_image_tokens": 100, "cache_read_audio_tokens": 50,
    }  # fmt: skip
    tokens = one(tmp_path, "gpt-image-1", **stated).spend.tokens
    # 1000 in: 300 read (100 images, 50 sound, 150 text), 400 - 100 = 300 new images, 400 new text.
    assert {name: n for name, n in asdict(tokens).items() if n} == {
        "input": 400, "cache_read": 150, "cache_read_image": 100, "cache_read_audio": 50, "input_image": 300,
        "output": 70, "output_image": 30,
    }  # fmt: skip


def test_a_card_lends_what_it_has_and_keeps_its_own():
    at = 1_770_000_000_000_000  # 2026-02-02
    card = timeline_of(book(), ("openai", "gpt-image-1"), "standard").at(at, 0)
    assert not isinstance(card, str)
    lent = card.with_stand_ins().rates
    assert lent["input_image"] == card.rates["input_image"]
    assert lent["cache_read_image"] == lent["cache_read_audio"] == card.rates["cache_read"]
    assert lent.keys() - card.rates.keys() <= PRICED_AS.keys()
