"""Values that no adapter expects, each in one line: judged alike alone and among good lines."""

from __future__ import annotations

import json

from tests.catalogue.auditor import Auditor, set_aside, tokens_of
from tests.catalogue.cases import TRUST, named
from tests.catalogue.logs import AMONG, among_good, with_fields

TEN = '"input_tokens":10'
SEVEN = '"input_tokens":7'

SET_ASIDE: dict[str, tuple[str, str | None]] = {
    "NaN tokens": ('"input_tokens":NaN', "not_integer_usage"),
    "Infinity tokens": ('"input_tokens":Infinity', "not_integer_usage"),
    "-Infinity tokens": ('"input_tokens":-Infinity', None),
    "1e400 tokens": ('"input_tokens":1e400', None),
    "10^400 tokens": ('"input_tokens":1' + "0" * 400, "usage_too_large"),
    "10^5000 tokens": ('"input_tokens":1' + "0" * 5000, None),
    "10^11 + 1": ('"input_tokens":100000000001', "usage_too_large"),
    "a clock": ('"input_tokens":1791190800,"timestamp":1791190800', "usage_too_large"),
    "2^53 + 1": ('"input_tokens":9007199254740993', "usage_too_large"),
    "2^63": ('"input_tokens":9223372036854775808', "usage_too_large"),
    "2^64": ('"input_tokens":18446744073709551616', "usage_too_large"),
    "negative": ('"input_tokens":-5', "negative_usage"),
    "fractional": ('"input_tokens":10.5', "fractional_usage"),
    "bool": ('"input_tokens":true', "not_integer_usage"),
    "thousands comma": ('"input_tokens":"1,234"', "not_integer_usage"),
    "thousands underscore": ('"input_tokens":"1_234"', "not_integer_usage"),
    "hexadecimal text": ('"input_tokens":"0x10"', "not_integer_usage"),
    "full-width digits": ('"input_tokens":"\uff11\uff12"', "not_integer_usage"),
    "list": ('"input_tokens":[10]', "not_integer_usage"),
    "object": ('"input_tokens":{"n":10}', "not_integer_usage"),
    "empty text": ('"input_tokens":""', None),
    "text nan": ('"input_tokens":"nan"', None),
    "leading plus": ('"input_tokens":"+10"', None),
    "text 1e3": ('"input_tokens":"1e3"', None),
    "model null": (f'{TEN},"model":null', None),
    "model empty": (f'{TEN},"model":""', None),
    "model blank": (f'{TEN},"model":"  "', None),
    "model number": (f'{TEN},"model":4', "model_not_text"),
    "model object": (f'{TEN},"model":{{"a":1}}', "model_not_text"),
    "cached negative": (f'{TEN},"cached_tokens":-1', "negative_usage"),
    "total fractional": (f'{TEN},"total_tokens":1.5', None),
    "trailing comma": (f"{TEN},", "not_json"),
    "comment": (f"{TEN} /* ten */", "not_json"),
    "hash comment": (f"{TEN}}} # ten", "not_json"),
    "single quotes": ("'input_tokens':10", "not_json"),
    "leading zeros": ('"input_tokens":0010', "not_json"),
    "hexadecimal": ('"input_tokens":0x10', "not_json"),
    "python True": (f'{TEN},"stream":True', "not_json"),
    "bad escape": (f'{TEN},"user":"\\x"', "not_json"),
    "raw tab in text": (f'{TEN},"user":"a\tb"', None),
}
"""The fields of the line, and why it is set aside; None where either way will do, if only it is the same."""


@named(SET_ASIDE)
def test_a_bad_value_costs_its_own_line_only(audit: Auditor, case: tuple[str, str | None]):
    fields, reason = case
    report = audit.counted(audit.file("x.jsonl", among_good(with_fields(fields))), records=AMONG + 1)
    aside = set_aside(report)
    if reason is not None:
        assert aside == {reason: 1}
    assert report["spend"]["requests"] == AMONG + (not aside), aside
    if aside:
        assert tokens_of(report) == (10 * AMONG, AMONG), "a skipped line is half counted"


@TRUST
@named(SET_ASIDE)
def test_a_bad_value_is_judged_alike_alone_in_its_file(audit: Auditor, case: tuple[str, str | None]):
    fields, _ = case
    among = audit.analyzed(audit.file("x.jsonl", among_good(with_fields(fields))))
    alone = audit.analyzed(audit.file("alone.jsonl", with_fields(fields)), codes=(0, 2))
    assert bool(alone) == (not set_aside(among))
    if alone:
        assert tokens_of(alone)[0] == tokens_of(among)[0] - 10 * AMONG


COUNTED: dict[str, tuple[str, int]] = {
    "text count": ('"input_tokens":"12"', 12),
    "text with blanks": ('"input_tokens":" 12 "', 12),
    "12.0": ('"input_tokens":12.0', 12),
    "1e2": ('"input_tokens":1e2', 100),
    "-0": ('"input_tokens":-0', 0),
    "null": ('"input_tokens":null', 0),
    "10^11": ('"input_tokens":100000000000', 10**11),
    "duplicate keys, last wins": ('"input_tokens":5,"input_tokens":7', 7),
    "NaN cost": (f'{SEVEN},"cost_usd":NaN', 7),
    "1e400 cost": (f'{SEVEN},"cost_usd":1e400', 7),
    "cost with a dollar sign": (f'{SEVEN},"cost_usd":"$1.23"', 7),
    "negative cost": (f'{SEVEN},"cost_usd":-1', 7),
    "cost beyond belief": (f'{SEVEN},"cost_usd":1e300', 7),
    "10^400 in an ignored field": (f'{SEVEN},"x":1' + "0" * 400, 7),
    "10^5000 in an ignored field": (f'{SEVEN},"x":1' + "0" * 5000, 7),
    "nested 400 deep in an ignored field": (f'{SEVEN},"x":' + "[" * 400 + "]" * 400, 7),
    "latency text": (f'{SEVEN},"latency_ms":"fast"', 7),
    "latency 1e300": (f'{SEVEN},"latency_ms":1e300', 7),
    "latency negative": (f'{SEVEN},"latency_ms":-5', 7),
    "attempt -1": (f'{SEVEN},"attempt":-1', 7),
    "attempt 10^30": (f'{SEVEN},"attempt":1' + "0" * 30, 7),
    "max_tokens 10^30": (f'{SEVEN},"max_tokens":1' + "0" * 30, 7),
    "max_tokens -1": (f'{SEVEN},"max_tokens":-1', 7),
    "tier 99": (f'{SEVEN},"tier":99', 7),
    "tier text": (f'{SEVEN},"tier":"premium"', 7),
    "status 999": (f'{SEVEN},"status":999', 7),
    "status object": (f'{SEVEN},"status":{{}}', 7),
    "tags of numbers": (f'{SEVEN},"tags":[1,null,{{"a":1}}]', 7),
    "messages number": (f'{SEVEN},"messages":5', 7),
    "messages of nulls": (f'{SEVEN},"messages":[null,1,"x",{{"content":[null,{{"type":"text"}}]}}]', 7),
    "tools number": (f'{SEVEN},"tools":5', 7),
    "prompt object": (f'{SEVEN},"prompt":{{"a":[1]}}', 7),
    "key with NUL": (f'{SEVEN},"a\\u0000":1', 7),
    "user 1 MB": (f'{SEVEN},"user":"{"u" * 1_000_000}"', 7),
    "100,000 tags": (f'{SEVEN},"tags":' + json.dumps([f"t{number}" for number in range(100_000)]), 7),
    "50,000 unknown keys": (f"{SEVEN}," + ",".join(f'"k{number}":1' for number in range(50_000)), 7),
}
"""The fields of the line, and its tokens of input."""


@named(COUNTED)
def test_an_odd_value_beside_the_tokens_does_not_touch_them(audit: Auditor, case: tuple[str, int]):
    fields, tokens = case
    many = AMONG + 1
    log = audit.file("x.jsonl", among_good(with_fields(fields)))
    audit.counted(log, requests=many, tokens=(10 * AMONG + tokens, many), skipped={})


@TRUST
@named(COUNTED)
def test_nor_does_it_alone_in_its_file(audit: Auditor, case: tuple[str, int]):
    fields, tokens = case
    alone = audit.file("alone.jsonl", with_fields(fields))
    audit.counted(alone, requests=1, tokens=(tokens, 1), skipped={})
