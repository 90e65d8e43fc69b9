"""Functions answer as the commands do, from paths and from tables in memory, and print nothing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import costaudit
from costaudit.prices.folders import shipped_directory
from tests.engine.audits import random_log, write_jsonl, write_parquet
from tests.prices.test_diff import write
from tests.prices.test_rules import BASIC, price, tables

Run = Callable[..., Any]

LOG = random_log(5, size=80)
LINES = len(LOG)
THEIRS = '{"gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": 6e-07}}'
"""A table of prices of somebody else."""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    write_jsonl(tmp_path / "log.jsonl", LOG)
    with (tmp_path / "log.jsonl").open("a") as more:
        more.write("{broken\n")
    (tmp_path / "gates.toml").write_text("[gates.coverage]\nrequests = { deny = '1%' }\n")
    sample = costaudit.draw_sample("log.jsonl", n=9)
    for n, row in enumerate(sample.report):
        row["label"] = str(n % 4)
    (tmp_path / "sample.csv").write_text(sample.text(), newline="")
    (tmp_path / "theirs.json").write_text(THEIRS)
    write(tmp_path / "old", tables(*BASIC))
    write(tmp_path / "new", tables(*BASIC, price("m,input,3,mtok,2026-05-01,")))
    return "log.jsonl"


@pytest.mark.parametrize(
    ("call", "command"),
    [
        (costaudit.audit, "analyze LOG"),
        (lambda log: costaudit.audit(Path(log), policy="same-provider", cost_source="list"),
         "analyze LOG --policy same-provider --cost-source list"),
        (lambda log: costaudit.audit(log, names={"gpt-4o": "openai/gpt-4o-mini"}, prices_at="2026-01-01"),
         "analyze LOG --map gpt-4o=openai/gpt-4o-mini --prices-at 2026-01-01"),
        (lambda log: costaudit.simulate(log, markup=["10%"], compare=True),
         "simulate LOG --markup 10% --compare"),
        (lambda _: costaudit.simulate(scenario="finsync"), "simulate --scenario finsync"),
        (lambda log: costaudit.fallback(log, chains=["same,other"]), "fallback LOG --chain same,other"),
        (lambda log: costaudit.explain_request("r3", log), "tag LOG --explain r3"),
        (lambda log: costaudit.read_labels(log, sample="sample.csv"), "label LOG --read sample.csv"),
        (lambda log: costaudit.shadow_plan(log, arm="50%", requests_per_day=900, psi=[0.1]),
         "shadow plan LOG --arm 50% --requests-per-day 900 --psi 0.1"),
        (lambda _: costaudit.shadow_plan(drop=3, paired=False, sequential=True, requests_per_day=5000),
         "shadow plan --drop 3 --unpaired --sequential --requests-per-day 5000"),
        (lambda log: costaudit.shadow_compare(log, log, margin=1.5), "shadow compare LOG LOG --margin 1.5"),
        (lambda log: costaudit.check(log, settings="gates.toml", at="2026-11-30"),
         "check LOG --config gates.toml --at 2026-11-30"),
        (lambda _: costaudit.gates("CA703"), "check --explain CA703"),
        (lambda _: costaudit.scenarios(), "scenarios"),
        (lambda _: costaudit.formats(), "formats"),
        (lambda log: costaudit.try_format(log, line=2), "formats test LOG --line 2"),
        (lambda _: costaudit.policies(), "policy list"),
        (lambda _: costaudit.policy("conservative", at="2026-01-01"),
         "policy show conservative --at 2026-01-01"),
        (lambda _: costaudit.price_list("ai21", at="2026-01-01"), "pricing list ai21 --at 2026-01-01"),
        (lambda _: costaudit.price_rows("o3", at=date(2026, 1, 1)), "pricing show o3 --at 2026-01-01"),
        (lambda _: costaudit.price_doubts("ai21"), "pricing doubts ai21"),
        (lambda _: costaudit.price_history("gpt-4o", since="2024-09-01"),
         "pricing history gpt-4o --since 2024-09-01"),
        (lambda _: costaudit.quote("gpt-4o", counts={"input": 9}, service_tier="batch", at="2026-01-01"),
         "pricing quote gpt-4o --input 9 --batch --at 2026-01-01"),
        (lambda _: costaudit.check_prices(select=["CA2"], at="2026-11-30"),
         "pricing check --select CA2 --at 2026-11-30"),
        (lambda _: costaudit.price_rules("CA303"), "pricing explain CA303"),
        (lambda log: costaudit.price_changes("old", "new", logs=[log], at="2026-11-30"),
         "pricing diff old new --logs LOG --at 2026-11-30"),
        (lambda _: costaudit.price_changes("old", "new", ignore_below="60%", at="2026-11-30"),
         "pricing diff old new --ignore-below 60% --at 2026-11-30"),
        (lambda _: costaudit.compare_prices("theirs.json", at="2026-11-30", propose=True),
         "pricing import theirs.json --at 2026-11-30 --propose"),
        (lambda _: costaudit.settings("nearest"), "config show"),
        (lambda _: costaudit.cache(), "cache info"),
        (lambda _: costaudit.doctor(file=None, screen=(120, False)), "doctor"),
    ],
)  # fmt: skip
def test_a_function_answers_as_its_command(run: Run, log: str, call: Callable[[str], Any], command: str):
    told = run(*command.replace("LOG", log).split(), "--format", "json")
    assert told.code == 0, told.err
    found = call(log)
    assert steady(found.to_json()) == steady(told.out)
    assert "".join(f"costaudit: warning: {note}\n" for note in found.notes) == told.err
    if "LOG" not in command:
        assert run(*command.split()).out == found.text(120)
    assert found._repr_html_().startswith('<div class="costaudit">')


def steady(told: str) -> str:
    """Free bytes of a disk come and go."""
    return re.sub(r'"free": \d+', '"free": 0', told)


@pytest.mark.parametrize(
    ("call", "command", "files"),
    [
        (lambda log: costaudit.make_ledger(log, to="out.parquet", resolution="hour"),
         "ledger LOG -o out.parquet --resolution hour", ["out.parquet"]),
        (lambda log: costaudit.make_tape(log, to="out.tape"), "tape LOG -o out.tape", ["out.tape"]),
        (lambda log: Path("out.csv").write_text(costaudit.draw_sample(log, n=9).text(), newline=""),
         "label LOG --n 9 -o out.csv", ["out.csv"]),
        (lambda _: Path("out.yaml").write_text(costaudit.export_policy("litellm", at="2026-01-01").text()),
         "policy export --to litellm --at 2026-01-01 -o out.yaml", ["out.yaml"]),
        (lambda log: costaudit.begin_settings(log, force=True), "config init LOG --force",
         ["costaudit.toml", "routing-policy.toml"]),
    ],
)  # fmt: skip
def test_a_function_writes_what_its_command_does(
    run: Run, log: str, call: Callable[[str], Any], command: str, files: list[str]
):
    assert run(*command.replace("LOG", log).split()).code == 0
    written = [Path(file).read_bytes() for file in files]
    for file in files:
        Path(file).unlink()
    call(log)
    assert [Path(file).read_bytes() for file in files] == written


def test_the_cache_is_cleared(log: str):
    costaudit.audit(log, cache=True)
    assert costaudit.cache().report.entries
    assert costaudit.clear_cache().report.entries
    assert costaudit.cache().report.entries == 0


def test_settings_are_checked_by_name(run: Run, log: str):
    found = costaudit.check_settings("gates.toml")
    assert (found.report.file, found.report.read[-1]) == ("gates.toml", "gates")
    with pytest.raises(costaudit.UsageError, match=r"there is no costaudit\.toml"):
        costaudit.check_settings()
    Path("gates.toml").rename("costaudit.toml")
    told = run("config", "check", "--format", "json")
    assert costaudit.check_settings().to_json() == told.out


def test_no_function_has_the_name_of_a_part():
    parts = {path.stem for path in Path(costaudit.__file__).parent.iterdir()}
    assert not parts & set(costaudit.__all__)


def test_what_is_judged_has_frames(log: str):
    found = costaudit.check(log, settings="gates.toml")
    assert (found.report.verdict, found.report.exit_code) == ("ok", 0)
    gates = found.frame("gates")
    assert gates["verdict"].tolist() == ["pass"]
    assert costaudit.formats().frame()["name"].is_unique


def test_nothing_is_printed(log: str, capfd: pytest.CaptureFixture[str]):
    assert costaudit.audit(log, verbose=True).notes[0] == "read log.jsonl: jsonl, none"
    assert costaudit.audit(log).notes == (f"1 × not_json set aside, first at log.jsonl:{LINES + 1}",)
    assert costaudit.audit(log, quiet=True).notes == ()
    with pytest.raises(costaudit.InputError):
        costaudit.audit("absent.jsonl")
    assert capfd.readouterr() == ("", "")


def test_requests_add_up_to_the_report(log: str):
    found = costaudit.audit(log)
    rows = pd.concat(found.requests(exact=True))
    spend = found.report.spend
    assert len(rows) == spend.requests
    assert sum(usd for usd in rows["list_usd"] if usd is not None) == spend.list_usd
    by_model = found.frame("by_model", exact=True)
    assert sum(usd for usd in by_model["list_usd"] if usd is not None) == spend.list_usd
    assert by_model["tokens.input"].sum() == rows["input"].sum()


def test_frames_have_the_same_types_whatever_is_absent(log: str):
    first = next(iter(costaudit.tag(log)))
    row = {"ts": ["2026-03-01"], "model": ["gpt-4o"], "input_tokens": [3], "output_tokens": [1]}
    (again,) = costaudit.tag(pd.DataFrame(row))
    assert (first.dtypes == again.dtypes).all()
    assert str(first["ts"].dtype) == "datetime64[us, UTC]"
    assert again["list_usd"].tolist() == [0.0000175]
    assert again["source_file"].tolist() == ["table 1"]
    assert "prompt" not in first
    assert "prompt" in next(iter(costaudit.tag(log, with_text=True)))


def test_tables_are_read_as_files_of_them(tmp_path: Path, log: str):
    write_parquet(tmp_path / "log.parquet", LOG)
    table = pq.read_table(tmp_path / "log.parquet")
    expected = spend_of(costaudit.audit("log.parquet"))
    assert expected
    batch = table.combine_chunks().to_batches()[0]
    for source in (table, batch, table.to_pandas(), ds.dataset(tmp_path / "log.parquet")):
        assert spend_of(costaudit.audit(source)) == expected
    halves = (table.slice(0, 40), table.slice(40))
    assert spend_of(costaudit.audit(*halves)) == expected


def spend_of(found: Any) -> dict[str, Any]:
    told = json.loads(found.to_json())
    return {name: told[name] for name in ("spend", "by_model", "by_tier", "projection")}


def test_settings_hold_where_they_are_named(tmp_path: Path, log: str):
    (tmp_path / "costaudit.toml").write_text('[map]\n"gpt-4o" = "openai/gpt-4o-mini"\n')
    plain, named = costaudit.audit(log), costaudit.audit(log, settings="costaudit.toml")
    assert named.report.spend.list_usd < plain.report.spend.list_usd
    assert costaudit.audit(log, settings="nearest").report.spend == named.report.spend


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (costaudit.audit, "no log is named"),
        (lambda: costaudit.audit(5), "int is no log"),
        (lambda: costaudit.audit("log.jsonl", cost_source="free"), "unknown cost source 'free'"),
        (lambda: costaudit.audit("log.jsonl", prices_at="soon"), "--prices-at 'soon' is not a date"),
        (lambda: costaudit.simulate("log.jsonl", scenario="finsync"), "cannot be simulated at once"),
        (lambda: costaudit.audit("log.jsonl").frame("by_modle"), "no rows of 'by_modle'"),
        (lambda: costaudit.audit("log.jsonl", polcy="default"), r"unknown option 'polcy' \(.*policy"),
        (lambda: costaudit.tag("log.jsonl", markup=["5%"]).__next__(), "unknown option 'markup'"),
        (lambda: costaudit.price_list(policy="default"), "unknown option 'policy'"),
        (lambda: costaudit.check_prices(fail_if=["removed"]), "unknown option 'fail_if'"),
        (lambda: costaudit.quote("gpt-4o", service_tier="slow"), "unknown service tier 'slow'"),
        (
            lambda: costaudit.check("log.jsonl", settings=None),
            "no gates to judge: there is no costaudit.toml",
        ),
        (lambda: costaudit.make_ledger("log.jsonl", to="ledger.csv"), "a ledger is a Parquet file"),
        (lambda: costaudit.shadow_compare("log.jsonl"), "two logs are compared"),
        (lambda: costaudit.nothing, "has no attribute 'nothing'"),
    ],
)
def test_what_makes_no_sense_is_refused(log: str, call: Callable[[], Any], message: str):
    with pytest.raises((costaudit.UsageError, AttributeError), match=message):
        call()


def test_a_quote_names_its_rows():
    found = costaudit.quote("gpt-4o", at="2026-06-01", counts={"input": 1_000_000, "output": 1_000})
    assert found.report.list_usd == Decimal("2.51")
    assert [line.rate_id.partition("@")[0] for line in found.report.lines] == [
        "openai/gpt-4o-2024-08-06/input", "openai/gpt-4o-2024-08-06/output",
    ]  # fmt: skip


def test_importing_takes_nothing_along():
    script = (
        "import sys, costaudit; print(sorted({'pyarrow', 'pandas', 'msgspec', 'typer'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert set(dir(costaudit)) >= {"audit", "simulate", "CostauditError"}


def test_notebooks_show_the_report_and_no_markup_of_a_log(tmp_path: Path):
    frame = pd.DataFrame({"model": ["<script>x</script>"], "input_tokens": [3], "output_tokens": [1]})
    shown = costaudit.audit(frame)._repr_html_()
    assert shown.count("<table>") == shown.count("</table>") > 2
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_tables_are_checked_as_by_the_command(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "tables"
    shutil.copytree(shipped_directory(), folder)
    prices = folder / "openai" / "prices.csv"
    lines = prices.read_text("utf-8").splitlines()
    prices.write_text("\n".join([*lines, lines[-1]]) + "\n", "utf-8")
    found = costaudit.check_prices("tables", ignore=["CA4"], at="2026-11-30")
    told = run("pricing", "check", "tables", "--ignore", "CA4", "--at", "2026-11-30")
    assert (found.report.verdict, found.report.exit_code) == ("failed", told.code) == ("failed", 1)
    assert found.text() == told.out
