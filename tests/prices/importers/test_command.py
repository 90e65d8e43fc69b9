"""`pricing import` and `pricing check --against`: what they print, and how they end."""

from __future__ import annotations

import json
from importlib import metadata

import pytest

from costaudit.prices.book import load_book
from costaudit.prices.importers.against import check_against
from costaudit.prices.importers.compare import ObservationVerdict, compare
from costaudit.prices.importers.load import load_source
from costaudit.prices.rows import instant_us

NOW = instant_us("2026-11-21")


@pytest.fixture
def disagreeing(tmp_path):
    """A source that has one price of ours, one other, one old, and one of a model that we do not have."""
    path = tmp_path / "api.json"
    path.write_text(
        json.dumps({
            "openai": {"models": {
                "gpt-a": {"cost": {"input": 4, "output": 25, "cache_read": 0.5}},
                "gpt-z": {"cost": {"input": 0.2}},
            }},
            "somebody": {"models": {"x\x1b[31m": {"cost": {"input": 1}}}},
        })
    )  # fmt: skip
    return path


def test_import_lists_what_differs(run, disagreeing, tables):
    done = run("pricing", "import", disagreeing, "--prices", tables)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == f"{disagreeing}, read as models-dev"
    assert [line.split() for line in lines[2:7]] == [
        ["differs", "2"], ["older", "than", "ours", "0"], ["missing", "class", "0"],
        ["unknown", "model", "2"],
        ["agrees", "1"],
    ]  # fmt: skip
    (output,) = [line.split() for line in lines if "gpt-a/output" in line]
    assert output[1:5] == ["20", "25", "1.250×", "high"]
    assert output[5:] == ["openai/gpt-a/output@2026-08-21;", "openai/gpt-a.output"]
    assert "  openai: gpt-z" in lines
    assert "\x1b" not in done.out


def test_import_proposes_rows_and_writes_nothing(run, disagreeing, tables):
    before = {path: path.read_bytes() for path in tables.rglob("*") if path.is_file()}
    done = run("pricing", "import", disagreeing, "--prices", tables, "--propose")
    assert done.code == 0
    assert "proposed rows (nothing was written)" in done.out
    assert "gpt-z,input,0.2,mtok," in done.out
    assert "the provider is not in providers.toml: somebody/x" in done.out
    assert "\x1b" not in done.out
    assert {path: path.read_bytes() for path in tables.rglob("*") if path.is_file()} == before


def test_import_as_json_states_amounts_as_text(run, disagreeing, tables):
    done = run("pricing", "import", disagreeing, "--prices", tables, "--propose", "--format", "json")
    told = json.loads(done.out)
    assert (told["schema"], told["source"]["kind"]) == ("costaudit/pricing-import@1", "models-dev")
    assert told["counts"] == {
        "differs": 2, "older_than_ours": 0, "missing_class": 0, "unknown_model": 2, "agrees": 1,
    }  # fmt: skip
    found = next(c for c in told["comparisons"] if c["class"] == "output")
    assert (found["usd"], found["ours"]["usd"], found["ratio"]) == ("25", "20", "1.250")
    assert {t["table"] for t in told["proposal"]["tables"]} == {
        "sources.csv", "openai/models.csv", "openai/prices.csv",
    }  # fmt: skip
    assert run("pricing", "import", disagreeing, "--prices", tables, "--format", "json").code == 0


def test_import_as_of_a_time(run, disagreeing, tables):
    done = run("pricing", "import", disagreeing, "--prices", tables, "--at", "2026-08-01", "--format", "json")
    assert "2026-07-09" in next(
        c["ours"]["rate_id"] for c in json.loads(done.out)["comparisons"] if c["class"] == "output"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--kind", "nonsense"], "unknown kind"),
        (["--provider", "opnai"], "did you mean 'openai'"),
        (["--at", "yesterday"], "is not a time"),
        (["--format", "csv"], "unknown format"),
        (["--kind", "litellm"], "not in the shape of litellm"),
    ],
)
def test_a_wrong_option_ends_with_2(run, disagreeing, tables, options, message):
    done = run("pricing", "import", disagreeing, "--prices", tables, *options)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_a_source_of_unknown_shape_ends_with_2(run, tmp_path, tables):
    (tmp_path / "odd.json").write_text('{"prices": []}')
    done = run("pricing", "import", tmp_path / "odd.json", "--prices", tables)
    assert (done.code, done.out) == (2, "")
    assert "no importer knows this shape" in done.err
    assert done.err.count("\n") == 1


def test_a_disagreement_is_a_warning_with_both_figures_at_our_line(book, disagreeing, tables):
    found = check_against(book, str(disagreeing), NOW)
    assert {(v.code, v.severity) for v in found} == {("CA410", "warning")}
    output = next(v for v in found if "output" in v.message)
    assert (output.file, output.line) == (f"{tables}/openai/prices.csv", 8)
    assert output.message == (
        "openai/gpt-a/output@2026-08-21 is 20 (high), "
        "but models-dev says 25 for 2026-11-21 at openai/gpt-a.output"
    )


def test_check_against_a_source_lists_disagreements_and_still_passes(run, disagreeing, tables):
    plain = run("pricing", "check", tables)
    done = run("pricing", "check", tables, "--against", disagreeing)
    assert done.code == plain.code
    assert done.out.count("CA410 warning: ") == 2
    assert run("pricing", "check", tables, "--against", "nowhere.json").code == 2


@pytest.mark.parametrize("package", ["genai-prices", "litellm"])
def test_most_prices_of_an_installed_package_agree_with_the_shipped_book(package):
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        pytest.skip(f"PACKAGE ABSENT: {package} is not installed; this test compares its prices with ours")
    book = load_book()
    check = compare(book, load_source(package).observations(book.windows), NOW)
    counts = check.counts
    assert counts[ObservationVerdict.AGREES] > 1000
    assert counts[ObservationVerdict.DIFFERS] < counts[ObservationVerdict.AGREES] / 10
