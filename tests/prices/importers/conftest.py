"""A small book of our own, and the hand-written sources beside this file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from costaudit.prices.book import PriceBook, load_book
from costaudit.prices.rows import MODEL_COLUMNS, PRICE_COLUMNS

SOURCES = Path(__file__).parent / "sources"

PROVIDERS = """
[openai]
name = "OpenAI"
kind = "vendor"
log_names = ["open_ai"]

[azure]
name = "Azure OpenAI"
kind = "cloud"
same_list_as = "openai"

[anthropic]
name = "Anthropic"
kind = "vendor"

[deepseek]
name = "DeepSeek"
kind = "vendor"

[openrouter]
name = "OpenRouter"
kind = "gateway"
"""
WINDOWS = """\
window,valid_from,valid_to,start_utc,end_utc,weekdays,timezone,holidays,note
off-2025,2025-02-26,2025-09-05T16:00Z,16:30,00:30,1234567,UTC,,
peak,2026-08-16T16:00Z,,01:00,04:00,12345,Asia/Shanghai,,
peak,2026-08-16T16:00Z,,06:00,10:00,12345,Asia/Shanghai,,
"""
# model, class, usd, valid_from, when
OPENAI = """\
gpt-a,cache_read,0.4,2026-07-09,
gpt-a,input,5,2026-07-09,
gpt-a,input,4,2026-08-21,
gpt-a,input,10,2026-07-09,context>272000
gpt-a,input,8,2026-08-21,context>272000
gpt-a,output,30,2026-07-09,
gpt-a,output,20,2026-08-21,
gpt-a,web_search,0.01,2026-07-09,
"""
DEEPSEEK = """\
deepseek-x,input,0.15,2026-09-10,
deepseek-x,input,0.3,2026-09-10,window=peak
"""


def table(rows: str) -> str:
    """A prices.csv from rows of model, class, usd, valid_from and when."""
    lines = [",".join(PRICE_COLUMNS)]
    for row in rows.splitlines():
        model, klass, usd, valid_from, when = row.split(",")
        per = "unit" if klass in ("request", "web_search") else "mtok"
        status = "" if usd else "ended"
        lines.append(
            f"{model},{klass},{usd},{per},{valid_from},{when},{status},ours,high,2026-11-01,2026-11-01,"
        )
    return "\n".join(lines) + "\n"


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """A directory of tables."""
    place = tmp_path / "tables"
    for provider, rows in (("openai", OPENAI), ("deepseek", DEEPSEEK)):
        (place / provider).mkdir(parents=True)
        (place / provider / "prices.csv").write_text(table(rows))
        models = dict.fromkeys(row.partition(",")[0] for row in rows.splitlines())
        facts = ["gpt-a,,flagship" if m == "gpt-a" else f"{m},,economy" for m in models]
        blank = "," * (len(MODEL_COLUMNS) - 3)
        (place / provider / "models.csv").write_text(
            "\n".join([",".join(MODEL_COLUMNS), *(f + blank for f in facts)]) + "\n"
        )
    (place / "providers.toml").write_text(PROVIDERS)
    (place / "windows.csv").write_text(WINDOWS)
    (place / "sources.csv").write_text("id,title,url,licence,retrieved_on\nours,Ours,,none,2026-11-01\n")
    return place


@pytest.fixture
def book(tables) -> PriceBook:
    """The book of these tables."""
    return load_book(tables)


@pytest.fixture
def book_of(tables) -> Callable[[str], PriceBook]:
    """A book whose OpenAI prices are other rows: `book_of("gpt-a,input,5,2026-07-09,")`."""

    def write(rows: str) -> PriceBook:
        (tables / "openai" / "prices.csv").write_text(table(rows))
        return load_book(tables)

    return write


@pytest.fixture
def sources() -> Path:
    """The folder of hand-written sources."""
    return SOURCES
