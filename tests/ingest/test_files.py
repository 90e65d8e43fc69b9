"""What paths name, and what is told of what cannot be read."""

from __future__ import annotations

import gzip
import os
import socket
import threading
from pathlib import Path

import pytest

from costaudit.errors import InputError, UsageError
from costaudit.ingest.files import find_logs
from costaudit.ingest.limits import DEFAULTS, limits_from
from costaudit.ingest.logfile import remove_spools

LINE = b'{"model": "gpt-4o", "input_tokens": 10, "output_tokens": 1}\n'


def names(*paths: Path | str) -> tuple[list[str], list[str]]:
    """Names of the files that are found, and what is said of the others."""
    files, refused = find_logs([str(path) for path in paths])
    return [Path(f.name).name for f in files], [str(error) for error in refused]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.jsonl").write_bytes(LINE)
    return tmp_path / "logs"


def test_what_is_no_regular_file_is_told_and_not_opened(folder: Path, monkeypatch: pytest.MonkeyPatch):
    os.mkfifo(folder / "b.jsonl")
    monkeypatch.chdir(folder)  # the names of sockets are short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("c.jsonl")
        found, refused = names(folder)
    assert found == ["a.jsonl"]
    assert ["FIFO" in refused[0], "socket" in refused[1]] == [True, True]


def test_a_link_to_nothing_is_told(folder: Path):
    (folder / "b.jsonl").symlink_to("gone")
    found, (said,) = names(folder)
    assert (found, "No such file" in said) == (["a.jsonl"], True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_cannot_be_read_is_told(folder: Path):
    (folder / "b").mkdir()
    (folder / "b").chmod(0)
    try:
        assert "b: the folder cannot be read: Permission denied" in names(folder)[1][0]
        assert "Permission denied" in names(f"{folder}/**/*.jsonl")[1][0]
    finally:
        (folder / "b").chmod(0o755)


def test_the_error_of_a_folder_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch):
    (folder / "b").mkdir()
    scan = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("/b"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert names(folder) == (["a.jsonl"], [f"{folder}/b: the folder cannot be read: Permission denied"])
    assert names(f"{folder}/**/*.jsonl")[1] == [f"{folder}/b: the folder cannot be read: Permission denied"]


def test_a_pipe_with_a_name_is_read_once_it_is_written(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")

    def write() -> None:
        with (tmp_path / "pipe").open("wb") as pipe:
            pipe.write(LINE * 100_000)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        (file,), refused = find_logs([str(tmp_path / "pipe")])
        writer.join()
        with file.open() as copy:
            assert (copy.read(), refused) == (LINE * 100_000, [])
    finally:
        remove_spools()


def test_a_pipe_that_nobody_writes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("costaudit.ingest.pipes._PATIENCE_S", 0.1)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="nobody writes to this pipe"):
        find_logs([str(tmp_path / "pipe")])


@pytest.mark.parametrize(
    ("path", "said"), [("/dev/null", "empty"), ("/dev/zero", "a device is no regular file")]
)
def test_devices_are_refused(path: str, said: str):
    assert said in names(path)[1][0]


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000, "loop"])
def test_paths_that_cannot_be(tmp_path: Path, path: str):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError):
        find_logs([str(tmp_path / path)])


def test_the_same_bytes_are_read_once(folder: Path):
    (folder / "copy.jsonl").write_bytes(LINE)
    (folder / "packed.jsonl.gz").write_bytes(gzip.compress(LINE))
    (folder / "other.jsonl").write_bytes(LINE * 2)
    (folder / "hard.jsonl").hardlink_to(folder / "a.jsonl")
    (folder / "soft.jsonl").symlink_to("a.jsonl")
    files, refused = find_logs([str(folder), str(folder / "a.jsonl"), f"{folder}/../logs/*.jsonl"])
    assert not refused
    assert [Path(f.name).name for f in files] == ["a.jsonl", "other.jsonl"]
    assert sorted(Path(name).name for name in files[0].copies) == [
        "copy.jsonl", "hard.jsonl", "packed.jsonl.gz", "soft.jsonl",
    ]  # fmt: skip


def test_files_that_begin_alike_are_not_the_same(folder: Path):
    for name, last in (("b", b"1"), ("c", b"2")):
        (folder / f"{name}.jsonl").write_bytes(LINE * 3000 + last)
        (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress(LINE * 3000 + last + b"0"))
    files, _ = find_logs([str(folder)])
    assert (len(files), [f.copies for f in files]) == (5, [()] * 5)


def test_limits_are_words_with_sizes():
    limits = limits_from(["line=1MB", "row=2k", "window=3GiB", "blank=7"])
    assert (limits.line, limits.row, limits.window, limits.blank) == (1 << 20, 2 << 10, 3 << 30, 7)
    assert limits_from(None) == DEFAULTS
    for word in (
        "line",
        "line=",
        "line=-1",
        "line=0",
        "line=1TB",
        "lines=1",
        "line=1e9",
        "line=nan",
        "row=1_0",
    ):
        with pytest.raises(UsageError):
            limits_from([word])


def test_blank_bytes_before_the_first_record_have_a_limit(tmp_path: Path):
    (tmp_path / "log.jsonl").write_bytes(b"\n" * 2_000_000 + LINE)
    (file,), _ = find_logs([str(tmp_path / "log.jsonl")])
    assert file.container == "jsonl"
    _, (error,) = find_logs([str(tmp_path / "log.jsonl")], limits=limits_from(["blank=1MB"]))
    assert "blank" in str(error)
