"""What token counts include, by provider and API flavour."""

from __future__ import annotations

from pathlib import Path

import pytest

from costaudit.errors import TableError
from costaudit.prices.book import load_book
from costaudit.prices.check import check_tables
from costaudit.prices.semantics import ANY, load_semantics

TABLE = load_semantics()


@pytest.mark.parametrize(
    ("provider", "flavour", "in_input", "in_output"),
    [
        ("openai", "chat", {"cache_read", "cache_write"}, {"reasoning"}),
        ("openai", "responses", {"cache_read", "cache_write"}, {"reasoning"}),
        ("anthropic", "messages", set(), {"reasoning"}),
        ("anthropic", "chat", {"cache_read", "cache_write"}, {"reasoning"}),
        ("bedrock", "converse", set(), {"reasoning"}),
        ("google", "gemini", {"cache_read"}, set()),
        ("xai", "chat", {"cache_read"}, set()),
        ("xai", "responses", {"cache_read"}, {"reasoning"}),
        ("minimax", "messages", set(), {"reasoning"}),
        ("minimax", "chat", {"cache_read", "cache_write"}, {"reasoning"}),
        ("perplexity", "chat", set(), set()),
        ("nobody", "messages", set(), {"reasoning"}),
        ("google", "chat", {"cache_read"}, set()),
        ("nobody", "gemini", {"cache_read"}, set()),
        ("cohere", "gateway", {"cache_read", "cache_write"}, {"reasoning"}),
        ("nobody", "helicone", set(), set()),
        ("openai", "agent", set(), set()),
    ],
)
def test_the_pair_decides(provider: str, flavour: str, in_input: set[str], in_output: set[str]):
    row = TABLE.of(provider, flavour)
    assert row is not None
    assert row.input_includes == in_input
    assert row.output_includes == in_output


def test_every_row_names_a_provider_and_a_source():
    book = load_book()
    assert {p for p, _ in TABLE.rows} <= {*book.providers, ANY}
    assert all(row.source for row in TABLE.rows.values())


@pytest.mark.parametrize(
    "row", ["acme,chatt,,,s,", "acme,chat,cache_reed,,s,", "acme,chat,,,s,\nacme,chat,,,s,"]
)
def test_a_table_that_makes_no_sense_is_refused(tmp_path: Path, row: str):
    head = "provider,flavour,input_includes,output_includes,source,note\n"
    (tmp_path / "semantics.csv").write_text(f"{head}{row}\n", "utf-8")
    with pytest.raises(TableError):
        load_semantics(tmp_path)


def test_a_row_of_no_provider_is_a_violation(tmp_path: Path):
    (tmp_path / "providers.toml").write_text('[acme]\nname = "Acme"\n', "utf-8")
    head = "provider,flavour,input_includes,output_includes,source,note\n"
    (tmp_path / "semantics.csv").write_text(f"{head}acmee,chat,,,s,\n", "utf-8")
    assert [v.code for v in check_tables(tmp_path)] == ["CA110"]
