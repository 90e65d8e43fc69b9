"""`costaudit label`: a sample is drawn, labelled, read back, and what it says stands in the audit."""

from __future__ import annotations

import csv
import io
import json
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.conftest import ROOT
from tests.engine.audits import write_jsonl

Rows = list[dict[str, str]]
PROMPTS = {
    0: "Classify the sentiment of this review as positive or negative: SECRETWORD number {i} was great.",
    1: "Summarise this SECRETWORD note {i} in two sentences: the shop moved, and the hours changed.",
    2: "Write Python code for a function with tests that merges {i} SECRETWORD lists, and prove it is right.",
}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chance = random.Random(3)  # noqa: S311 - the same log on every run
    records: list[dict[str, Any]] = []
    for i in range(400):
        tier = chance.choice([0, 0, 1, 1, 1, 2])
        records.append({
            "request_id": f"c{i}", "model": chance.choice(["gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18"]),
            "provider": "openai", "timestamp": f"2026-10-{1 + i % 28:02d}T08:00:00Z",
            "prompt": PROMPTS[tier].format(i=i), "input_tokens": 30 + chance.randrange(4000),
            "output_tokens": chance.randrange(900), "status": "error" if i % 40 == 39 else "ok",
        })  # fmt: skip
    records.append(
        {"request_id": "e1", "model": "text-embedding-3-small", "provider": "openai", "input_tokens": 9}
    )
    return write_jsonl(tmp_path_factory.mktemp("label") / "log.jsonl", records)


def read(path: Path) -> Rows:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode())))


def write(path: Path, rows: Rows, **dialect: Any) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), **dialect)
        writer.writeheader()
        writer.writerows(rows)
    return path


def labelled(rows: Rows, seed: int = 1, right: float = 0.8) -> Rows:
    """Somebody who agrees with most of the tags."""
    chance = random.Random(seed)  # noqa: S311 - the same labels on every run
    for row in rows:
        tier = int(row["tier"]) if row["tier"] else 1
        off = chance.choice([-1, 1]) if chance.random() > right else 0
        row["label"] = str(min(max(tier + off, 0), 3))
    return rows


@pytest.fixture
def sample(run, log, tmp_path) -> Path:
    run("label", log, "--n", 60, "-o", tmp_path / "sample.csv")
    return write(tmp_path / "labelled.csv", labelled(read(tmp_path / "sample.csv")))


def test_a_sample_is_drawn_with_weights_and_without_prompts(run, log, tmp_path):
    got = run("label", log, "--n", 60, "-o", tmp_path / "s.csv")
    rows = read(tmp_path / "s.csv")
    assert (got.code, len(rows), len({r["id"] for r in rows})) == (0, 60, 60)
    assert "--with-text adds an excerpt" in got.err
    assert "SECRETWORD" not in (tmp_path / "s.csv").read_text()
    assert {r["label"] for r in rows} == {""}
    ids = {r["response_id"] for r in rows}
    assert "e1" not in ids  # no chat model
    assert not ids & {f"c{i}" for i in range(39, 400, 40)}  # failed
    sizes = {r["stratum"]: int(r["stratum_requests"]) for r in rows}
    assert sum(sizes.values()) == 390
    assert sum(Fraction(r["weight"]) for r in rows) == pytest.approx(390, abs=0.001)


def test_prompts_are_written_where_they_are_asked_for(run, log):
    rows = list(csv.DictReader(io.StringIO(run("label", log, "--n", 5, "--with-text").out)))
    assert all("SECRETWORD" in r["prompt"] for r in rows)


def test_a_seed_draws_the_same_from_a_shuffled_log_and_another_seed_another_sample(run, log, tmp_path):
    text = log.read_text().splitlines(keepends=True)
    other = tmp_path / "other.jsonl"
    other.write_text("".join(reversed(text)))
    first, second = (
        list(csv.DictReader(io.StringIO(run("label", path, "--n", 40).out))) for path in (log, other)
    )
    assert [r["id"] for r in first] == [r["id"] for r in second]
    third = list(csv.DictReader(io.StringIO(run("label", log, "--n", 40, "--seed", 2).out)))
    assert {r["id"] for r in third} != {r["id"] for r in first}


@pytest.mark.parametrize("columns", [80, 120])
def test_labels_for_the_eye(run, log, sample, snapshot, columns, monkeypatch):
    monkeypatch.chdir(sample.parent)
    got = run("label", log, "--read", sample.name, columns=columns)
    assert max(map(len, got.out.splitlines())) <= columns
    assert got.out == snapshot


def test_labels_as_json_keep_to_the_schema_and_count_right(run, log, sample):
    got = json.loads(run("label", log, "--read", sample, "--format", "json").out)
    jsonschema.validate(got, json.loads((ROOT / "docs/schema/labels.schema.json").read_text()))
    rows, labels = read(sample), got["labels"]
    tagged = [r for r in rows if r["tier"]]
    right = [r for r in tagged if r["tier"] == r["label"]]
    assert labels["accuracy_unweighted"]["value"] == pytest.approx(len(right) / len(tagged), abs=1e-6)
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["stratum"]] = counts.get(row["stratum"], 0) + 1
    weight = {r["id"]: int(r["stratum_requests"]) / counts[r["stratum"]] for r in rows}
    weighted = sum(weight[r["id"]] for r in right) / sum(weight[r["id"]] for r in tagged)
    assert labels["accuracy"]["value"] == pytest.approx(weighted, abs=1e-6)
    assert labels["accuracy"]["low"] < weighted < labels["accuracy"]["high"]
    assert sum(sum(row["predicted"]) for row in labels["confusion"]) == 60
    assert sum(sum(row["weighted"]) for row in labels["confusion"]) == pytest.approx(1, abs=1e-4)
    assert sum(share["rectified"]["value"] for share in labels["tier_shares"]) == pytest.approx(1, abs=1e-5)


def test_right_labels_of_everything_leave_savings_as_they_are(run, log, tmp_path):
    run("label", log, "--n", 390, "-o", tmp_path / "s.csv")
    write(tmp_path / "all.csv", labelled(read(tmp_path / "s.csv"), right=1.0))
    labels = json.loads(run("label", log, "--read", tmp_path / "all.csv", "--format", "json").out)["labels"]
    assert labels["accuracy"]["value"] == 1.0
    saving = labels["saving"]
    assert saving["floor"] <= saving["point"] <= saving["ceiling"]
    assert saving["unsafe"] == {"value": 0.0, "low": None, "high": None, "n": 390}
    # every label is the tag: what is rectified are untagged requests and tags that are too weak to act on
    assert saving["rectified"]["value"] == pytest.approx(saving["ceiling"], abs=0.01)


def test_the_saving_is_that_of_the_audit(run, log, sample):
    labels = json.loads(run("label", log, "--read", sample, "--format", "json").out)["labels"]
    audit = json.loads(run("analyze", log, "--format", "json").out)
    steps = {s["name"]: float(s["usd"]) for s in audit["projection"]["steps"]}
    saved = -steps["overspecification"] - steps["lock_in"] - steps["verification"]
    assert labels["saving"]["point"] == pytest.approx(saved / float(labels["saving"]["list_usd"]), abs=1e-6)


def test_bad_labels_are_named_with_their_line_and_left_out(run, log, sample):
    rows = read(sample)
    rows[0]["label"], rows[3]["label"], rows[5]["id"], rows[7]["label"] = (
        "x",
        "4",
        "r_unknown",
        " high-stakes ",
    )
    write(sample, rows)
    got = run("label", log, "--read", sample, "--format", "json")
    labels = json.loads(got.out)["labels"]
    told = [(s["line"], s["reason"]) for s in labels["skipped"]]
    assert told == [(2, "not_a_tier"), (5, "not_a_tier"), (7, "not_in_the_logs")]
    assert labels["labelled"] == 57
    assert "labelled.csv:2: the label is no tier" in got.err
    assert "labelled.csv:5: the label is no tier" in got.err


def test_a_spreadsheet_may_save_it_its_own_way(run, log, sample, tmp_path):
    expected = json.loads(run("label", log, "--read", sample, "--format", "json").out)["labels"]
    other = write(tmp_path / "x.csv", read(sample), delimiter=";")
    other.write_bytes(b"\xef\xbb\xbf" + other.read_bytes())
    got = json.loads(run("label", log, "--read", other, "--format", "json").out)["labels"]
    assert got | {"file": ""} == expected | {"file": ""}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "is no sample: it has no column 'id'"),
        ("id,label,stratum,stratum_requests\n", "the sample has no rows"),
        ("id,label,stratum,stratum_requests\nr_1,,all,3\n", "nothing is labelled"),
        ("id,label,stratum,stratum_requests\nr_1,9,all,3\n", "s.csv:2: none of the labels is a tier"),
        ("id,label,stratum,stratum_requests\nr_1,2,all,3\n", "no labelled request is in the logs"),
    ],
)
def test_what_is_no_labelled_sample_of_these_logs_is_refused(run, log, tmp_path, text, message):
    path = tmp_path / "s.csv"
    path.write_text(text)
    got = run("label", log, "--read", path)
    assert (got.code, got.out) == (2, "")
    assert message in got.err


def test_labels_are_never_written_over(run, log, sample):
    before = sample.read_bytes()
    got = run("label", log, "-o", sample)
    assert got.code == 2
    assert "holds 60 labels" in got.err
    assert sample.read_bytes() == before


def test_labels_can_be_given_one_by_one(run, log, tmp_path, monkeypatch):
    path = tmp_path / "s.csv"

    def answer(text: str) -> str:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        return run("label", log, "--n", 12, "--interactive", "--with-text", "-o", path).out

    shown = answer("2\nwhat?\ns\n0\nq\n")
    assert [r["label"] for r in read(path)] == ["2", "", "0"] + [""] * 9
    assert "1 of 12" in shown
    assert "SECRETWORD" in shown
    assert "2 labelled now, 10 left" in shown
    assert "tier_" not in shown  # the predicted tier would suggest itself
    answer("1\n")  # the end of the input ends it
    assert [r["label"] for r in read(path)] == ["2", "1", "0"] + [""] * 9


def test_an_audit_with_labels_says_what_was_measured(run, log, sample, tmp_path, monkeypatch):
    plain = run("analyze", log)
    assert "Quality of cheaper models and tags not measured on your traffic." in plain.out
    told = run("analyze", log, "--labels", sample).out
    labels = json.loads(run("label", log, "--read", sample, "--format", "json").out)["labels"]
    share = f"{100 * labels['accuracy']['value']:.1f}%"
    assert f"Tags measured on your traffic: {share} right (" in told
    assert "by 60 labelled requests." in told
    assert "and tags not measured" not in told
    audit = json.loads(run("analyze", log, "--labels", sample, "--format", "json").out)
    jsonschema.validate(audit, json.loads((ROOT / "docs/schema/audit.schema.json").read_text()))
    assert audit["labels"] == labels
    assert json.loads(run("analyze", log, "--format", "json").out)["labels"] is None

    (tmp_path / "costaudit.toml").write_text('labels = "labelled.csv"\n')
    monkeypatch.chdir(tmp_path)
    assert "Tags measured on your traffic" in run("analyze", log).out
    other = write_jsonl(
        tmp_path / "other.jsonl", [{"model": "gpt-4o", "input_tokens": 1, "output_tokens": 1}]
    )
    got = run("analyze", other)
    assert got.code == 0
    assert "labels not used" in got.err
    assert run("analyze", other, "--labels", sample).code == 2


def test_a_calibration_is_fitted_saved_and_used(run, log, sample, tmp_path, monkeypatch):
    rows = labelled(read(sample), seed=2, right=0.4)
    write(sample, rows)
    saved = tmp_path / "calibration.toml"
    got = json.loads(run("label", log, "--read", sample, "--save", saved, "--format", "json").out)
    assert float(got["calibration"]["temperature"]) > 1  # wrong labels: the text was too sure of itself
    assert got["calibration"]["temperature"] in saved.read_text()
    plain = run("tag", log).out
    bent = run("tag", log, "--calibration", saved).out
    assert bent != plain
    refused = run("label", log, "--read", sample, "--save", tmp_path / "c2.toml", "--calibration", saved)
    assert refused.code == 2
    assert "not calibrated yet" in refused.err
    (tmp_path / "costaudit.toml").write_text('calibration = "calibration.toml"\n')
    monkeypatch.chdir(tmp_path)
    assert run("tag", log).out == bent
    saved.write_text("temperature = 1")
    got2 = run("analyze", log)
    assert got2.code == 2
    assert "is no calibration" in got2.err


def test_save_needs_labels(run, log, tmp_path):
    assert run("label", log, "--save", tmp_path / "c.toml").code == 2


def test_a_hostile_name_in_a_sample_is_harmless(run, tmp_path):
    path = write_jsonl(
        tmp_path / "h.jsonl",
        [
            {
                "model": "gpt-4o",
                "input_tokens": 1,
                "output_tokens": 1,
                "feature": "=1+1\x1b[31m",
                "request_id": "@x",
            }
        ],
    )
    run("label", path, "-o", tmp_path / "s.csv")
    (row,) = read(tmp_path / "s.csv")
    assert row["feature"].startswith("'=1+1")
    assert row["response_id"] == "'@x"
    assert "\x1b" not in (tmp_path / "s.csv").read_text()
