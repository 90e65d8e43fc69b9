"""What a change of tables does to a bill: by hand, in SQL, there and back, from logs and from a ledger."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pytest

from costaudit.prices.answers import json_schema
from tests.engine.audits import Record, write_jsonl

Run = Callable[..., Any]
Rates = dict[str, Sequence[tuple[str, str, str]]]
"""By model: from when on input and output cost so much."""

PRICES = "model,class,usd,per,valid_from,when,status,source,confidence,checked_on,recorded_on,note\n"
MODELS = (
    "model,family,class,context_window,max_output,input_modalities,output_modalities,tools,json_mode,reasoning,"
    "tokenizer,released_on,retired_on,source,note\n"
)
FEE = """
[hub]
name = "Hub"
fees = [{ kind = "percent", value = "5", valid_from = "2025-01-01", source = "s" }]
"""
START = datetime(2026, 10, 1, tzinfo=UTC)

BASE: Rates = {
    "m": [("2026-01-01", "5", "10")],
    "n": [("2026-01-01", "1", "1")],
    "o": [("2026-01-01", "2", "2")],
}
DEARER: Rates = BASE | {"m": [("2026-01-01", "6", "10"), ("2026-12-15", "7", "10")]}


def tables(place: Path, rates: Rates, fee: str = FEE) -> Path:
    (place / "acme").mkdir(parents=True)
    (place / "providers.toml").write_text(
        '[acme]\nname = "Acme"\nkind = "vendor"\nlog_names = ["acme"]\n', "utf-8"
    )
    (place / "gateways.toml").write_text(fee, "utf-8")
    (place / "semantics.csv").write_text(
        "provider,flavour,input_includes,output_includes,source,note\n*,chat,cache_read,reasoning,s,\n",
        "utf-8",
    )
    rows = [
        f"{model},{klass},{usd},mtok,{start},,,s,high,2026-01-01,2026-01-01,\n"
        for model in sorted(rates)
        for place_, klass in ((1, "input"), (2, "output"))
        for start, usd in ((row[0], row[place_]) for row in rates[model])
    ]
    (place / "acme" / "prices.csv").write_text(PRICES + "".join(rows), "utf-8")
    facts = "".join(f"{model},{model},mid,,,text,text,yes,yes,,,,,s,\n" for model in sorted(rates))
    (place / "acme" / "models.csv").write_text(MODELS + facts, "utf-8")
    (place / "acme" / "aliases.csv").write_text(
        "alias,model,valid_from,valid_to,source,confidence,recorded_on,note\n", "utf-8"
    )
    return place


def month(model: str = "m", **fields: Any) -> list[Record]:
    """Ten requests over six whole days: six of tier 1, four of tier 0, a million tokens in, 100,000 out."""
    return [
        {
            "request_id": f"{model}{n}",
            "timestamp": (START + timedelta(minutes=(6 * 24 * 60 - 30) * n / 9)).strftime(
                "%Y-%m-%dT%H:%M:%SZ"
            ),
            "provider": "acme",
            "model": model,
            "input_tokens": 1_000_000,
            "output_tokens": 100_000,
            "tier": 1 if n < 6 else 0,
            "feature": "/a" if n < 6 else "/b",
        }
        | fields
        for n in range(10)
    ]


POLICY = """
schema = "costaudit/policy@1"
name = "cheap"
[[tiers]]
tier = 1
candidates = ["acme/n", "acme/o"]
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with tables before and after, a log, and a policy."""
    tables(tmp_path / "base", BASE)
    tables(tmp_path / "head", DEARER)
    write_jsonl(tmp_path / "log.jsonl", month())
    (tmp_path / "cheap.toml").write_text(POLICY, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(run: Run, *argv: str, code: int = 0, base: str = "base", head: str = "head") -> dict[str, Any]:
    words = ("--format", "json", "--at", "2026-11-27", "-q", "--policy", "cheap.toml")
    found = run("pricing", "diff", base, head, *words, *argv)
    assert found.code == code, found.err
    answer: dict[str, Any] = json.loads(found.out)
    jsonschema.validate(answer, json_schema("diff"))
    return answer


def amounts(row: dict[str, Any], name: str = "list_usd") -> tuple[str, str, str, str | None]:
    sides = row[name]
    return sides["base"], sides["head"], sides["change"], sides["percent"]


def test_a_bill_by_hand_at_both_times_of_prices(shop: Path, run: Run):
    """Each request costs 5 + 1 by the base; 6 + 1 by the head, and 7 + 1 from December 15 on."""
    impact = told(run, "--logs", "log.jsonl")["impact"]
    assert (impact["source"], impact["requests"], impact["days"]) == ("logs", 10, 6.0)
    now, later = impact["views"]
    assert (now["as_of"], later["as_of"]) == ("request-time", "2026-12-15T00:00:00Z")
    assert amounts(now["total"]) == ("60.00", "70.00", "10.00", "+16.7")
    assert amounts(later["total"]) == ("60.00", "80.00", "20.00", "+33.3")
    assert amounts(later["total"], "billed_usd") == ("60.00", "80.00", "20.00", "+33.3")
    assert (later["total"]["list_usd"]["monthly_change"], later["total"]["list_usd"]["yearly_change"]) == (
        "100.00",
        "1200.00",
    )
    rows = [(r["model"], r["tier"], r["feature"], r["requests"], *amounts(r)) for r in later["rows"]]
    assert rows == [
        ("acme/m", 1, "/a", 6, "36.00", "48.00", "12.00", "+33.3"),
        ("acme/m", 0, "/b", 4, "24.00", "32.00", "8.00", "+33.3"),
    ]
    # Six requests go to n for 1 + 0.1 on either side; the four of tier 0 keep their model.
    assert amounts(later["total"], "projected_usd") == ("30.60", "38.60", "8.00", "+26.1")
    assert later["recommendations"] == []


def test_known_fees_are_in_the_bill(shop: Path, run: Run):
    write_jsonl(shop / "log.jsonl", month(gateway="hub", cost_usd=7.5))
    _, later = told(run, "--logs", "log.jsonl")["impact"]["views"]
    assert amounts(later["total"]) == ("60.00", "80.00", "20.00", "+33.3")
    assert amounts(later["total"], "billed_usd") == ("63.00", "84.00", "21.00", "+33.3")


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("increase>33.4%", 0),
        ("increase>33.3%", 1),  # a third is more than 33.3 percent
        ("increase>100usd", 0),  # exactly the limit does not exceed it
        ("increase>99.99usd", 1),
        ("decrease>0%", 0),
        ("unpriced", 0),
        ("scheduled", 1),  # a kind of change, as without traffic
    ],
)
def test_limits_judge_the_bill(shop: Path, run: Run, condition: str, code: int):
    found = told(run, "--logs", "log.jsonl", "--fail-if", condition, code=code)
    assert (found["verdict"], found["exit_code"]) == (("ok", "failed")[code], code)
    assert [v["code"] for v in found["violations"]] == (["CA601"] if code and ">" in condition else [])
    if code and ">" in condition:
        (failure,) = found["failures"]
        assert failure["changes"] == []
        assert failure["bill"].endswith(
            "by $100.00 per 30 days (+33.3 %) at the prices of 2026-12-15T00:00:00Z"
        )


def test_a_fall_has_limits_too(shop: Path, run: Run):
    found = told(run, "--logs", "log.jsonl", "--fail-if", "decrease>20%", base="head", head="base", code=1)
    assert found["failures"][0]["bill"].startswith("the list price of the traffic falls by $100.00")
    told(run, "--logs", "log.jsonl", "--fail-if", "decrease>25%", base="head", head="base")  # 20 of 80


def test_a_rise_from_nothing_exceeds_every_percentage(shop: Path, run: Run):
    tables(shop / "free", BASE | {"m": [("2026-01-01", "0", "0")]})
    found = told(run, "--logs", "log.jsonl", "--fail-if", "increase>1000%", base="free", code=1)
    assert amounts(found["impact"]["views"][0]["total"]) == ("0.00", "70.00", "70.00", None)
    assert "from $0.00" in found["failures"][0]["bill"]
    same = told(run, "--logs", "log.jsonl", "--fail-if", "increase>0%", base="free", head="free")
    assert amounts(same["impact"]["views"][0]["total"]) == ("0.00", "0.00", "0.00", None)


def test_a_dearer_candidate_changes_the_recommendation(shop: Path, run: Run):
    tables(shop / "other", BASE | {"n": [("2026-01-01", "3", "3")]})
    now, _ = told(run, "--logs", "log.jsonl", head="other")["impact"]["views"]
    assert amounts(now["total"]) == ("60.00", "60.00", "0.00", "0.0")
    assert amounts(now["total"], "projected_usd") == ("30.60", "37.20", "6.60", "+21.6")  # 6 × (2.2 - 1.1)
    assert now["recommendations"] == [
        {"tier": 1, "feature": "/a", "requests": 6, "base": "acme/n", "head": "acme/o"}
    ]
    text = run("pricing", "diff", "base", "other", "--logs", "log.jsonl", "--policy", "cheap.toml").out
    assert "tier 1 now cheapest on acme/o, was acme/n: /a, 6 requests" in text


def test_what_loses_its_price_is_counted_and_never_zero(shop: Path, run: Run):
    write_jsonl(shop / "log.jsonl", [*month(), *month("n"), *month("acme-9")])
    tables(shop / "gone", {"m": BASE["m"]})
    found = told(
        run, "--logs", "log.jsonl", "--policy", "default", "--fail-if", "unpriced", head="gone", code=1
    )
    now, _ = found["impact"]["views"]
    assert amounts(now["total"]) == ("60.00", "60.00", "0.00", "0.0")
    assert (now["total"]["lost"], now["total"]["gained"]) == (
        {"requests": 10, "usd": "11.00"},
        {"requests": 0, "usd": "0.00"},
    )
    assert now["total"]["unpriced_requests"] == 10
    (broken,) = found["violations"]
    assert (broken["code"], broken["subject"]) == ("CA602", "acme/n")
    assert broken["message"] == "10 requests to acme/n lose their price, $11.00 by the base"
    back = told(run, "--logs", "log.jsonl", "--policy", "default", base="gone", head="base")["impact"][
        "views"
    ][0]
    assert back["total"]["gained"] == {"requests": 10, "usd": "11.00"}
    assert amounts(back["total"]) == ("60.00", "60.00", "0.00", "0.0")


def random_tables(chance: random.Random) -> Rates:
    def history() -> list[tuple[str, str, str]]:
        days = ["2026-01-01", *chance.sample(["2026-10-05", "2026-10-12", "2026-10-20", "2026-12-24"], 2)]
        return [
            (day, f"{chance.randrange(1, 2000) / 100}", f"{chance.randrange(1, 4000) / 100}")
            for day in sorted(days)
        ]

    return {model: history() for model in "mno"}


def random_month(chance: random.Random, size: int = 150) -> list[Record]:
    log = []
    for n in range(size):
        moment = START + timedelta(seconds=chance.randrange(30 * 86_400))
        log.append({
            "request_id": f"r{n}",
            "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "provider": "acme",
            "model": chance.choice(["m", "n", "o"]),
            "input_tokens": chance.randrange(100_000),
            "output_tokens": chance.randrange(9_000),
            "tier": chance.choice([0, 1, 2, 3]),
            "feature": chance.choice(["/a", "/b", None]),
        })  # fmt: skip
    return log


def rate_at(rates: Rates, model: str, day: str, place: int) -> Fraction:
    return Fraction([row for row in rates[model] if row[0] <= day][-1][place])


@pytest.mark.parametrize("seed", range(3))
def test_random_tables_agree_with_fractions_and_with_sql(tmp_path: Path, run: Run, seed: int):
    """Neither knows this program: a loop over the log in fractions, and DuckDB with an as-of join."""
    chance = random.Random(seed)  # noqa: S311 - the same tables on every run
    sides = {"base": random_tables(chance), "head": random_tables(chance)}
    log = random_month(chance)
    paths = [str(tables(tmp_path / name, rates)) for name, rates in sides.items()]
    path = write_jsonl(tmp_path / "log.jsonl", log)
    outcome = run("pricing", "diff", *paths, "--logs", path, "--format", "json", "--at", "2026-11-27", "-q")
    now, later = json.loads(outcome.out)["impact"]["views"]
    assert (
        later["as_of"]
        == max(r[0] for t in sides.values() for rows in t.values() for r in rows) + "T00:00:00Z"
    )
    for view, day in ((now, None), (later, later["as_of"][:10])):
        expected: dict[Any, list[Fraction]] = defaultdict(lambda: [Fraction(0), Fraction(0)])
        for record in log:
            for place, rates in enumerate(sides.values()):
                at = day or record["timestamp"][:10]
                cost = (
                    record["input_tokens"] * rate_at(rates, record["model"], at, 1)
                    + record["output_tokens"] * rate_at(rates, record["model"], at, 2)
                ) / 10**6
                for key in ((f"acme/{record['model']}", record["tier"], record["feature"]), None):
                    expected[key][place] += cost
        rows = {(r["model"], r["tier"], r["feature"]): r for r in view["rows"]} | {None: view["total"]}
        for key, (before, after) in expected.items():
            assert (Fraction(rows[key]["list_usd"]["base"]), Fraction(rows[key]["list_usd"]["head"])) == (
                before,
                after,
            )
    assert in_sql(path, sides) == [
        (Decimal(now["total"]["list_usd"][s]) * 10**12).to_integral_value() for s in sides
    ]


def in_sql(path: Path, sides: dict[str, Rates]) -> list[Decimal]:
    """List cost of both sides at the time of each request, in pico-dollars."""
    con = duckdb.connect()
    con.execute(
        "CREATE TABLE rates (side VARCHAR, model VARCHAR, since TIMESTAMP, input BIGINT, output BIGINT)"
    )
    for side, rates in sides.items():
        for model, rows in rates.items():
            for day, read, written in rows:
                cents = [int(Decimal(usd) * 100) for usd in (read, written)]
                con.execute("INSERT INTO rates VALUES (?, ?, ?, ?, ?)", [side, model, day, *cents])
    con.execute("CREATE TABLE log AS SELECT * FROM read_json(?)", [str(path)])
    found = con.execute(
        "SELECT c.side, sum((input_tokens * input + output_tokens * output)::HUGEINT * 10000) FROM ("
        "SELECT l.*, s.side FROM log l CROSS JOIN (SELECT DISTINCT side FROM rates) s) c "
        "ASOF JOIN rates r ON c.model = r.model AND c.side = r.side AND c.timestamp::TIMESTAMP >= r.since "
        "GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return [Decimal(total) for _, total in found]


def by_row(view: dict[str, Any]) -> dict[Any, Decimal]:
    return {(r["model"], r["tier"], r["feature"]): Decimal(r["list_usd"]["change"]) for r in view["rows"]}


@pytest.mark.parametrize("seed", range(2))
def test_there_and_back_is_zero_and_a_ledger_says_what_its_log_says(tmp_path: Path, run: Run, seed: int):
    chance = random.Random(100 + seed)  # noqa: S311
    base = str(tables(tmp_path / "base", random_tables(chance)))
    head = str(tables(tmp_path / "head", random_tables(chance)))
    path = write_jsonl(tmp_path / "log.jsonl", random_month(chance))
    saved = str(tmp_path / "l.parquet")
    assert run("ledger", path, "-o", saved, "--prices", base, "-q").code == 0

    def views(*words: str) -> list[dict[str, Any]]:
        found = run("pricing", "diff", *words, "--format", "json", "--at", "2026-11-27", "-q")
        assert found.code == 0, found.err
        return list(json.loads(found.out)["impact"]["views"])

    there, back = views(base, head, "--logs", str(path)), views(head, base, "--logs", str(path))
    for one, other in zip(there, back, strict=True):
        for name in ("list_usd", "billed_usd", "projected_usd"):
            assert Decimal(one["total"][name]["change"]) + Decimal(other["total"][name]["change"]) == 0
        changes = [by_row(view) for view in (one, other)]
        assert changes[0] == {key: -value for key, value in changes[1].items()}
    mine = views(base, head, "--ledger", saved)
    for one, other in zip(mine, there, strict=True):
        assert one["as_of"] == other["as_of"]
        for row in (*(v["total"] for v in (one, other)), *one["rows"], *other["rows"]):
            del row["projected_usd"]  # under other tables than its own a ledger has none
        spent = [[r for r in v["rows"] if r["list_usd"]["change"] != "0.00"] for v in (one, other)]
        assert spent[0] == spent[1]
        assert one["total"] == other["total"]


def test_a_green_result_is_said(shop: Path, run: Run):
    outcome = run("pricing", "diff", "base", "base", "--logs", "log.jsonl", "--policy", "cheap.toml", "-q")
    assert outcome.code == 0
    assert outcome.out.count("    no change\n") == 2
    assert "no changes between base" in outcome.out
    markdown = run("pricing", "diff", "base", "base", "--logs", "log.jsonl", "-f", "markdown", "-q").out
    assert "No change." in markdown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("base", "head", "--fail-if", "increase>5usd"), "name the traffic with --logs or --ledger"),
        (("base", "head", "--fail-if", "unpriced"), "a diff of tables has none"),
        (("base", "head", "--policy", "cheap.toml"), "--policy needs traffic"),
        (("base", "head", "--logs", "log.jsonl", "--ledger", "log.jsonl"), "cannot be priced at once"),
        (("base", "head", "--ledger", "log.jsonl"), "no saved ledger"),
        (("base", "head", "--logs", "nowhere.jsonl"), "no such file"),
        (
            ("base/acme/prices.csv", "head/acme/prices.csv", "--logs", "log.jsonl"),
            "a bill needs a whole book",
        ),
    ],
)
def test_what_cannot_be_judged_ends_with_2(shop: Path, run: Run, words: tuple[str, ...], said: str):
    outcome = run("pricing", "diff", *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err


def test_traffic_of_less_than_a_day_has_no_month(shop: Path, run: Run):
    write_jsonl(shop / "log.jsonl", month()[:1])
    found = told(run, "--logs", "log.jsonl", "--fail-if", "increase>50%")["impact"]["views"][0]
    assert found["total"]["list_usd"]["monthly_change"] is None
    outcome = run(
        "pricing", "diff", "base", "head", "--logs", "log.jsonl", "--fail-if", "increase>5usd", "-q"
    )
    assert outcome.code == 2
    assert "covers less than a day" in outcome.err


def test_small_rows_are_counted_not_listed(shop: Path, run: Run):
    found = told(run, "--logs", "log.jsonl", "--ignore-below", "20%")["impact"]
    now, later = found["views"]
    assert (now["rows"], now["small_rows"]) == ([], 2)  # 16.7 percent each
    assert (len(later["rows"]), later["small_rows"]) == (2, 0)
    assert amounts(now["total"]) == ("60.00", "70.00", "10.00", "+16.7")


def test_hostile_names_stay_text(shop: Path, run: Run):
    evil = "</details>\x1b[31m|@team"
    write_jsonl(shop / "log.jsonl", month(feature=evil))
    words = ("pricing", "diff", "base", "head", "--logs", "log.jsonl", "-q")
    text, markdown = run(*words).out, run(*words, "-f", "markdown").out
    assert "\x1b" not in text + markdown
    assert "</details>\\x1b" not in markdown
    assert "&lt;/details&gt;" in markdown
