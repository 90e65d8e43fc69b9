"""Bills as providers export them: what is read, what is set aside, and what is refused."""

from __future__ import annotations

import gzip
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from costaudit.errors import InputError
from costaudit.ingest.bills import FORMATS, aggregate_kind
from costaudit.ingest.bills.line import BillLine
from costaudit.ingest.bills.read import load_bill

DAY = 1_791_158_400
"""2026-10-05T00:00:00Z in seconds."""
OPENAI_CSV = (
    "start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,model,batch,service_tier,"
    "input_tokens,output_tokens,input_cached_tokens,input_uncached_tokens"
)
COST_CSV = (
    "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id,"
    "organization_id,organization_name"
)
CONSOLE_COST_CSV = (
    "usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,list_price_usd,"
    "cost_type,inference_geo,speed"
)


def write(tmp_path: Path, text: str | bytes | list[Any] | dict[str, Any], name: str = "bill") -> str:
    path = tmp_path / name
    if isinstance(text, (list, dict)):
        text = json.dumps(text)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def page(*results: dict[str, Any], start: int = DAY, days: int = 1, more: bool = False) -> dict[str, Any]:
    bucket = {
        "object": "bucket",
        "start_time": start,
        "end_time": start + days * 86_400,
        "results": list(results),
    }
    return {"object": "page", "data": [bucket], "has_more": more, "next_page": None}


def usage(**fields: Any) -> dict[str, Any]:
    result = {"object": "organization.usage.completions.result", "model": "gpt-5", "num_model_requests": 1}
    return {**result, "input_tokens": 10, "output_tokens": 2, **fields}


def cost(value: Any, item: str | None = None, currency: str | None = "usd") -> dict[str, Any]:
    return {
        "object": "organization.costs.result", "amount": {"value": value, "currency": currency},
        "line_item": item, "project_id": None,
    }  # fmt: skip


def report(*results: dict[str, Any], day: str = "2026-10-05", until: str = "2026-10-06") -> dict[str, Any]:
    bucket = {"starting_at": f"{day}T00:00:00Z", "ending_at": f"{until}T00:00:00Z", "results": list(results)}
    return {"data": [bucket], "has_more": False, "next_page": None}


def only(bill: Any) -> BillLine:
    (line,) = bill.lines
    return line


# The shared examples state calls A (gpt-5-mini, DeepSeek's is the same) and B (Claude) of truth.json.


@pytest.mark.parametrize(
    ("name", "call", "requests"),
    [
        ("openai_usage_api_completions.json", "A", 1),
        ("openai_usage_export.csv", "A", 1),
        ("anthropic_console_usage.csv", "B", None),
        ("anthropic_usage_report_messages.json", "B", None),
        ("deepseek_amount.csv", "A", 1),
    ],
)
def test_an_example_sums_to_the_call_that_it_is_made_of(shared_data, name, call, requests):
    folder = shared_data / "logs" / "examples"
    truth = json.loads((folder / "truth.json").read_text())["calls"][call]
    bill = load_bill(str(folder / name))
    assert not bill.quarantine.counts
    sums = dict.fromkeys(("input", "cache_read", "cache_write_5m", "output"), 0)
    for line in bill.lines:
        assert line.day == date(2026, 10, 5)
        for cls in sums:
            sums[cls] += line.tokens.get(cls, 0)
    assert sums == {cls: truth["input_uncached" if cls == "input" else cls] for cls in sums}
    counted = [line.requests for line in bill.lines if line.requests is not None]
    assert counted == ([requests] if requests else [])


@pytest.mark.parametrize(
    "name", ["openrouter_activity.csv", "helicone_export.csv", "claude_code_session.jsonl"]
)
def test_a_log_is_no_bill(shared_data, name):
    with pytest.raises(InputError):
        load_bill(str(shared_data / "logs" / "examples" / name))


def test_no_log_example_is_taken_for_an_aggregate(shared_data):
    folder = shared_data / "logs" / "examples"
    for path in sorted(folder.glob("*.jsonl")):
        for text in path.read_text().splitlines():
            assert aggregate_kind(json.loads(text)) is None, path.name


# OpenAI


def test_a_dashboard_row_of_october_2025_is_read_as_its_own_columns_say(tmp_path):
    # A public export: 59,200 input = 53,440 uncached + 5,760 cached; numbers written as floats.
    text = (
        f"{OPENAI_CSV}\n1759622400,1759708800,2025-10-05T00:00:00+00:00,2025-10-06T00:00:00+00:00,proj,10.0,"
    )
    text += "gpt-4o-2024-08-06,FALSE,default,59200.0,10646.0,5760.0,53440.0\n"
    line = only(load_bill(write(tmp_path, text)))
    assert (line.day, line.input, line.cache_read, line.output, line.requests, line.batch) == (
        date(2025, 10, 5), 53_440, 5_760, 10_646, 10, False,
    )  # fmt: skip


def test_input_is_what_is_neither_cached_written_nor_audio(tmp_path):
    result = usage(
        input_tokens=1000, input_cached_tokens=300, input_cache_write_tokens=200, input_uncached_tokens=500,
        input_audio_tokens=100, output_tokens=50, output_audio_tokens=20,
    )  # fmt: skip
    line = only(load_bill(write(tmp_path, page(result))))
    assert line.tokens == {
        "input": 400, "cache_read": 300, "cache_write_5m": 200, "cache_write_1h": 0, "output": 30,
        "input_audio": 100, "output_audio": 20,
    }  # fmt: skip


def test_embeddings_count_and_images_are_set_aside(tmp_path):
    embeddings = {
        "object": "organization.usage.embeddings.result", "input_tokens": 7, "num_model_requests": 1,
        "model": "text-embedding-3-small",
    }  # fmt: skip
    images = {
        "object": "organization.usage.images.result",
        "images": 3,
        "num_model_requests": 3,
        "model": "x",
    }
    bill = load_bill(write(tmp_path, page(embeddings, images)))
    assert (only(bill).input, only(bill).output) == (7, 0)
    assert bill.quarantine.counts == {"no_tokens": 1}


def test_pages_come_as_one_document_as_an_array_or_one_after_the_other(tmp_path):
    one, two = page(usage(), more=True), page(usage(), start=DAY + 86_400)
    for text in (
        json.dumps([one, two]),
        json.dumps(one) + "\n" + json.dumps(two, indent=1),
        json.dumps(one) + json.dumps(two),
    ):
        bill = load_bill(write(tmp_path, text))
        assert [line.day for line in bill.lines] == [date(2026, 10, 5), date(2026, 10, 6)]
        assert not bill.incomplete


def test_a_last_page_that_promises_more_makes_the_bill_incomplete(tmp_path):
    assert load_bill(write(tmp_path, page(usage(), more=True))).incomplete


def test_a_bucket_without_results_belongs_to_the_period(tmp_path):
    pages = [page(usage()), page(start=DAY + 86_400)]
    bill = load_bill(write(tmp_path, pages))
    assert [span.first for span in bill.spans["openai", "usage"]] == [date(2026, 10, 5), date(2026, 10, 6)]


def test_an_empty_openai_export_says_so(tmp_path):
    text = "start_time,end_time,start_time_iso,end_time_iso\n1759622400,1759708800,a,b\n"
    with pytest.raises(InputError, match="this OpenAI export is empty: it has only the columns of times"):
        load_bill(write(tmp_path, text))
    with pytest.raises(InputError, match="the bill is empty"):
        load_bill(write(tmp_path, page()))


@pytest.mark.parametrize(
    ("item", "model"),
    [
        ("gpt-5.5-2026-04-23, cached input", "gpt-5.5-2026-04-23"),
        ("gpt-5.6-terra, cache writes", "gpt-5.6-terra"),
        ("gpt-image-2-2026-04-21 text, input", "gpt-image-2-2026-04-21"),
        ("gpt-realtime-2.1, audio input", "gpt-realtime-2.1"),
        ("priority | gpt-5.6-sol, output, long context", "gpt-5.6-sol"),
        ("ft-gpt-4o-2024-08-06, input", "ft-gpt-4o-2024-08-06"),
        ("web search tool calls", None),
        ("assistants api | file search", None),
        ("whisper", None),
        (None, None),
    ],
)
def test_a_line_item_names_its_model(tmp_path, item, model):
    line = only(load_bill(write(tmp_path, page(cost(0.06, item)))))
    assert (line.model, line.line_item, line.usd) == (model, item, Decimal("0.06"))


def test_money_is_exact_as_a_number_and_as_text(tmp_path):
    text = json.dumps(page(cost("x"), cost("0.0000000000000000001"))).replace('"x"', "0.1234567890123456789")
    bill = load_bill(write(tmp_path, text))
    assert sum(line.usd or 0 for line in bill.lines) == Decimal("0.1234567890123456790")


def test_the_cost_csv_of_the_dashboard_has_rows_for_empty_days(tmp_path):
    text = f"{COST_CSV}\n1759881600,1759968000,,,0.5455665000000000,usd,,,org,Personal\n"
    text += "1759968000,1760054400,,,,,,,,\n"
    bill = load_bill(write(tmp_path, text))
    assert (only(bill).usd, only(bill).model) == (Decimal("0.5455665"), None)
    assert [s.first for s in bill.spans["openai", "cost"]] == [date(2025, 10, 8), date(2025, 10, 9)]


# Anthropic


def test_the_cost_report_is_in_cents(tmp_path):
    # Checked against real reports by others: 2,919,015 tokens of input at $1 per million are "291.9015".
    result = {
        "amount": "291.9015", "currency": "USD", "cost_type": "tokens", "model": "claude-haiku-4-5",
        "description": "Claude Haiku 4.5 Usage - Input Tokens", "token_type": "uncached_input_tokens",
    }  # fmt: skip
    line = only(load_bill(write(tmp_path, report(result))))
    assert (line.usd, line.kind, line.format) == (Decimal("2.919015"), "cost", "anthropic-costs")


def test_the_cost_csv_of_the_console_names_models_for_people(tmp_path):
    rows = (
        "2026-08-04,Claude Haiku 4.5,Default,k,message,≤ 200k,input_no_cache,0.05,0.05,token,not_available,\n"
    )
    rows += "2026-08-05,Claude Opus 4.5,Default,k,message,≤ 200k,output,0.30,0.30,token,not_available,\n"
    rows += "2026-08-05,,Default,k,message,,,0.02,0.02,web_search,not_available,\n"
    bill = load_bill(write(tmp_path, f"\ufeff{CONSOLE_COST_CSV}\r\n{rows}"))
    assert [(x.model, x.usd) for x in bill.lines] == [
        ("claude-haiku-4-5", Decimal("0.05")), ("claude-opus-4-5", Decimal("0.30")), (None, Decimal("0.02")),
    ]  # fmt: skip


def test_the_long_context_band_and_the_batch_are_read(tmp_path):
    result = {
        "uncached_input_tokens": 5, "cache_read_input_tokens": 0, "output_tokens": 1,
        "model": "claude-sonnet-4-5",
        "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
        "server_tool_use": {"web_search_requests": 2}, "service_tier": "batch", "context_window": "200k-1M",
        "inference_geo": "us",
    }  # fmt: skip
    line = only(load_bill(write(tmp_path, report(result))))
    assert (line.cache_write_5m, line.cache_write_1h, line.web_searches) == (3, 4, 2)
    assert (line.batch, line.region, line.context > 200_000) == (True, "us", True)


# DeepSeek


def test_both_generations_of_deepseek_dates_are_read(tmp_path):
    old = "user_id,utc_date,model,api_key_name,api_key,type,price,amount\n"
    old += "u,20260701,m,k,sk,output_tokens,0.1,300\n"
    assert only(load_bill(write(tmp_path, old))).day == date(2026, 7, 1)
    new = (
        "user_id,start_time_iso,end_time_iso,model,wallet_type,cost,currency\n"
        "u,2026-08-02T00:00:00+08:00,2026-08-03T00:00:00+08:00,deepseek-v4-pro,Paid,0.032532,USD\n"
    )
    line = only(load_bill(write(tmp_path, new)))
    assert (line.day, line.span.first, line.span.last) == (None, date(2026, 8, 1), date(2026, 8, 2))
    assert not line.span.utc


@pytest.mark.parametrize("currency", ["CNY", "eur", "\x1b[31mUS"])
def test_another_currency_is_refused(tmp_path, currency):
    text = f"user_id,utc_date,model,wallet_type,cost,currency\nu,2026-08-02,m,Paid,1,{currency}\n"
    with pytest.raises(InputError, match="only US dollars can be compared") as caught:
        load_bill(write(tmp_path, text))
    assert caught.value.line == 2
    with pytest.raises(InputError, match="only US dollars"):
        load_bill(write(tmp_path, page(cost(1, currency=currency))))


# Damage

BAD_ROWS = {
    "proj,-1,gpt-5,,,10,1,0,10": "negative_usage",
    "proj,1,gpt-5,,,10.5,1,0,": "fractional_usage",
    "proj,1,gpt-5,,,ten,1,0,": "not_integer_usage",
    "proj,1,gpt-5,,,NaN,1,0,": "not_integer_usage",
    "proj,1,gpt-5,,,1_0,1,0,": "not_integer_usage",
    "proj,1,gpt-5,,,1e999999,1,0,": "usage_too_large",
    "proj,1,gpt-5,,,99999999999999999999,1,0,": "usage_too_large",
    "proj,1,gpt-5,,,10,1,20,": "inconsistent_usage",
    "proj,1,gpt-5,,,10,1,5,10": "inconsistent_usage",
    "proj,1,gpt-5,,,10,1,0,10,more,cells": "wrong_columns",
}


@pytest.mark.parametrize("row", BAD_ROWS)
def test_a_bad_row_is_set_aside_by_name_and_hides_no_good_one(tmp_path, row):
    times = "1759622400,1759708800,,"
    good = f"{times},proj,1,gpt-5,,,10,1,0,10"
    bill = load_bill(write(tmp_path, f"{OPENAI_CSV}\n{good}\n{times},{row}\n\n{good}\n"))
    assert len(bill.lines) == 2
    assert bill.quarantine.counts == {BAD_ROWS[row]: 1}
    (place,) = bill.quarantine.places[BAD_ROWS[row]]
    assert place.line == 3


@pytest.mark.parametrize("times", ["yesterday,", ",", "1759708800,1759622400", "-5,10", "1759622400,x"])
def test_times_that_cannot_be_read_are_set_aside(tmp_path, times):
    good = "1759622400,1759708800,,,proj,1,gpt-5,,,10,1,0,10"
    bill = load_bill(write(tmp_path, f"{OPENAI_CSV}\n{good}\n{times},,,proj,1,gpt-5,,,10,1,0,10\n"))
    assert bill.quarantine.counts == {"bad_time": 1}


@pytest.mark.parametrize("value", ["abc", "1e13", "NaN", True, [], "9" * 80, "0." + "1" * 60])
def test_amounts_that_cannot_be_true_are_set_aside(tmp_path, value):
    bill = load_bill(write(tmp_path, page(cost(value), cost(1))))
    assert (len(bill.lines), bill.quarantine.counts) == (1, {"bad_amount": 1})
    assert bill.quarantine.places["bad_amount"][0].detail.startswith("data[0].results[0]")


def test_an_amount_without_a_currency_is_set_aside(tmp_path):
    bill = load_bill(write(tmp_path, page(cost(1, currency=None), cost(1))))
    assert bill.quarantine.counts == {"no_currency": 1}


def test_a_model_that_is_no_text_is_set_aside(tmp_path):
    bill = load_bill(write(tmp_path, page(usage(model={"name": "gpt-5"}), usage(), 7)))
    assert bill.quarantine.counts == {"model_not_text": 1, "not_object": 1}


CANNOT = {
    "": "the file is empty",
    "Dear customer,\nyour invoice\n": "the columns are of no known bill",
    "usage_date_utc,usage_input_tokens_no_cache,usage_input_tokens_cache_read,usage_output_tokens\n": (
        "no column model_version"
    ),
    "model,type,amount,api_key_name\n": "no column utc_date or start_time_iso",
    '{"object": "page", "data": [': "not valid JSON",
    '{"a": NaN}': "not valid JSON",
    "[" * 100_000: "not valid JSON",
    '{"messages": []}': "no line of the bill could be read",
    "[1, 2]": "no line of the bill could be read",
    f"{OPENAI_CSV}\n": "the bill is empty",
    f"{OPENAI_CSV}\n1,2,,,p,x,gpt-5,,,1,1,1,1\n": "bill:2: no line of the bill could be read",
}  # fmt: skip


@pytest.mark.parametrize("text", CANNOT)
def test_what_is_no_bill_is_refused_by_name(tmp_path, text):
    with pytest.raises(InputError) as caught:
        load_bill(write(tmp_path, text))
    assert CANNOT[text] in str(caught.value)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"PK\x03\x04" + b"x" * 50, "zip archive or spreadsheet"),
        (b"%PDF-1.7", "PDF document"),
        (b"\xff\xfes\x00t\x00", "UTF-16"),
        (b"a\x00b", "binary file"),
        (gzip.compress(b"x" * 1000, mtime=0)[:20], "ends in the middle"),
    ],
    ids=["zip", "pdf", "utf-16", "binary", "cut gzip"],
)
def test_other_files_are_named(tmp_path, data, told):
    with pytest.raises(InputError, match=told):
        load_bill(write(tmp_path, data))


def test_a_missing_file_gets_a_suggestion(tmp_path):
    write(tmp_path, "x", "usage.csv")
    with pytest.raises(InputError, match=r"usage\.csv") as caught:
        load_bill(str(tmp_path / "usage.csb"))
    assert caught.value.hint == "did you mean 'usage.csv'?"


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_compressed_bill_is_read(tmp_path, pack):
    assert only(load_bill(write(tmp_path, pack(json.dumps(page(usage())).encode())))).input == 10


def test_bytes_that_are_no_utf8_set_one_row_aside(tmp_path):
    row = b"1759622400,1759708800,,,proj,1,gpt-5,,,10,1,0,10\n"
    bill = load_bill(write(tmp_path, OPENAI_CSV.encode() + b"\n" + row + row.replace(b"gpt-5", b"gpt-\xff")))
    assert bill.quarantine.counts == {"not_utf8": 1}


# For the log reader


@pytest.mark.parametrize(
    ("record", "name"),
    [
        (page(usage()), "openai-usage"),
        (page(), "openai-usage"),
        (page(usage())["data"][0], "openai-usage"),
        (usage(), "openai-usage"),
        (dict.fromkeys(OPENAI_CSV.split(","), "1"), "openai-usage"),
        (page(cost(1)), "openai-costs"),
        (dict.fromkeys(COST_CSV.split(","), ""), "openai-costs"),
        (report({"uncached_input_tokens": 1, "cache_read_input_tokens": 0}), "anthropic-usage"),
        (report(), "anthropic-usage"),
        (report({"amount": "1", "currency": "USD", "description": None}), "anthropic-costs"),
        (dict.fromkeys(CONSOLE_COST_CSV.split(","), ""), "anthropic-costs"),
        ({"utc_date": "", "model": "", "api_key_name": "", "type": "", "amount": ""}, "deepseek-amount"),
        ({"utc_date": "", "model": "", "cost": "", "currency": ""}, "deepseek-cost"),
        ({}, None),
        ({"data": []}, None),
        ({"object": "list", "data": [{"object": "chat.completion"}]}, None),
        ({"model": "gpt-5", "usage": {"input_tokens": 1}}, None),
        ({"results": [], "start_time": 1}, None),
        ({"data": [1], "has_more": False}, None),
        ({"data": [{"starting_at": 1, "results": [3]}], "has_more": False}, "anthropic-usage"),
    ],
)
def test_an_aggregate_is_known_in_every_shape(record, name):
    assert aggregate_kind(record) == name


KEYS = (
    "object", "data", "results", "start_time", "starting_at", "has_more", "amount", "currency", "model",
    "input_tokens", "num_model_requests", "uncached_input_tokens", "cache_read_input_tokens", "value",
    "cache_creation", "server_tool_use", "description", "usage_date_utc", "cost_usd",
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(KEYS), inner, max_size=6
    ),
    max_leaves=30,
)  # fmt: skip


@given(st.dictionaries(st.text(max_size=12), JSON) | JSON.filter(lambda v: isinstance(v, dict)))
def test_no_record_breaks_the_question_what_it_is(record):
    assert aggregate_kind(record) in {None, *(known.name for known in FORMATS)}


@given(JSON)
def test_any_json_is_read_or_refused(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(value))
    try:
        load_bill(str(path))
    except InputError as error:
        assert error.message  # noqa: PT017 - either way is fine


@given(st.lists(st.text(alphabet=",\"'\n;\t0a\x00é=-", max_size=20), max_size=8))
def test_any_table_is_read_or_refused(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(OPENAI_CSV + "\n" + "\n".join(rows))
    try:
        load_bill(str(path))
    except InputError as error:
        assert error.message  # noqa: PT017 - either way is fine
