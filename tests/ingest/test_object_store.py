"""URLs go through pyarrow's filesystems; `file://` takes the same way as a store does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from costaudit.errors import InputError
from costaudit.ingest.files import find_logs
from costaudit.ingest.object_store import shown
from tests.engine.audits import audit, random_log, same, write_jsonl, write_parquet


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    log = random_log(5, 60)
    flat = [{k: v for k, v in r.items() if not isinstance(v, (list, dict))} for r in log]
    (tmp_path / "logs" / "older").mkdir(parents=True)
    write_jsonl(tmp_path / "logs" / "a.jsonl.gz", log[:20])
    write_parquet(tmp_path / "logs" / "older" / "b.parquet", flat[20:40])
    (tmp_path / "logs" / "c.json").write_text(json.dumps(log[40:]))
    (tmp_path / "logs" / "readme.txt").write_text("no log")
    (tmp_path / "logs" / ".hidden.jsonl").write_text("no log")
    return tmp_path / "logs"


def test_a_store_gives_the_report_of_the_folder(folder: Path):
    assert same(audit(f"file://{folder}")) == same(audit(folder))


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("", ["a.jsonl.gz", "c.json", "older/b.parquet"]),
        ("/*.json*", ["a.jsonl.gz", "c.json"]),
        ("/**/*.parquet", ["older/b.parquet"]),
        ("/older/?.parquet", ["older/b.parquet"]),
        ("/[ac].json*", ["a.jsonl.gz", "c.json"]),
        ("/c.json", ["c.json"]),
    ],
)
def test_folders_patterns_and_files(folder: Path, pattern: str, names: list[str]):
    files, refused = find_logs([f"file://{folder}{pattern}"])
    assert [f.name for f in files] == [f"file://{folder}/{name}" for name in names]
    assert not refused


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("file:///nowhere/at/all", "no such file"),
        ("https://example.org/log.jsonl", "URLs of kind https:// are not read"),
        ("file://{folder}/*.avro", "no logs there"),
    ],
)
def test_what_is_not_there(folder: Path, url: str, said: str):
    with pytest.raises(InputError, match=said):
        find_logs([url.format(folder=folder)])


def test_credentials_and_options_are_not_shown():
    assert shown("s3://key:secret@bucket/logs?region=eu-west-1") == "s3://bucket/logs"


def test_many_stars_are_no_explosion(tmp_path: Path):
    write_jsonl(tmp_path / f"{'a' * 200}.jsonl", random_log(5, 20))
    assert len(find_logs([f"file://{tmp_path}/{'*a' * 40}*.jsonl"])[0]) == 1
    with pytest.raises(InputError, match="no logs there"):
        find_logs([f"file://{tmp_path}/**/{'*a' * 40}b*"])


def test_a_pattern_that_is_none_is_told(folder: Path):
    with pytest.raises(InputError, match="the store cannot be read"):
        find_logs([f"file://{folder}/[z-a]*"])
