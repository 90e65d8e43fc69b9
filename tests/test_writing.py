"""Every file is replaced only once it is whole; what is no file is written to as it is."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from costaudit import drafts
from costaudit.errors import UsageError
from costaudit.outputs import handle_of
from costaudit.writing import replacing, write_whole


def no_names(*_: Any) -> None:
    raise PermissionError


SYSTEMS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "unnamed drafts": lambda _: None,
    "unnamed drafts that cannot be named": lambda patch: patch.setattr(drafts, "link", no_names),
    "named drafts": lambda patch: patch.setattr(drafts, "unnamed", lambda *_: None),
    "named drafts without locks": lambda patch: (
        patch.setattr(drafts, "unnamed", lambda *_: None),
        patch.setattr(drafts, "fcntl", None),
    ),
}


@pytest.fixture(params=SYSTEMS)
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other what systems can do."""
    SYSTEMS[request.param](monkeypatch)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("system")
def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path: Path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "new", b"text")
    finally:
        os.umask(before)
    assert (tmp_path / "new").read_bytes() == b"text"
    assert mode(tmp_path / "new") == 0o640
    assert names(tmp_path) == ["new"]


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("kept", [0o600, 0o664, 0o444])
def test_a_replaced_file_keeps_its_mode(tmp_path: Path, kept: int):
    old = tmp_path / "old"
    old.write_bytes(b"a longer text than the new one")
    old.chmod(kept)
    write_whole(old, b"new")
    assert (old.read_bytes(), mode(old)) == (b"new", kept)
    assert names(tmp_path) == ["old"]


@pytest.mark.usefixtures("system")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_a_file_that_root_replaces_keeps_its_owner(tmp_path: Path):
    old = tmp_path / "old"
    old.touch()
    os.chown(old, 12_345, 23_456)
    write_whole(old, b"new")
    assert (old.stat().st_uid, old.stat().st_gid) == (12_345, 23_456)


@pytest.mark.usefixtures("system")
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    (tmp_path / "old").write_bytes(b"old")
    for name in ("old", "new"):
        with contextlib.suppress(ZeroDivisionError), replacing(tmp_path / name) as stream:
            stream.write(b"x" * 1_000_000)
            raise ZeroDivisionError
    assert names(tmp_path) == ["old"]
    assert (tmp_path / "old").read_bytes() == b"old"


@pytest.mark.usefixtures("system")
def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there/real").write_bytes(b"old")
    (tmp_path / "one").symlink_to("there/real")
    (tmp_path / "two").symlink_to("one")
    write_whole(tmp_path / "two", b"new")
    assert (tmp_path / "two").is_symlink()
    assert (tmp_path / "there/real").read_bytes() == b"new"
    assert names(tmp_path / "there") == ["real"]


@pytest.mark.usefixtures("system")
def test_a_dangling_link_gets_its_target(tmp_path: Path):
    (tmp_path / "link").symlink_to("made")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "made").read_bytes() == b"new"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a device")
def test_a_device_is_written_to_and_stays_one(tmp_path: Path):
    device = tmp_path / "null"
    os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    write_whole(device, b"gone")
    assert stat.S_ISCHR(device.lstat().st_mode)
    assert names(tmp_path) == ["null"]


def test_a_pipe_with_a_name_is_written_to_and_stays_one(tmp_path: Path):
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, b"x" * 200_000)
    reader.join()
    assert got == [b"x" * 200_000]
    assert stat.S_ISFIFO(pipe.lstat().st_mode)


def test_an_open_stream_is_written_to_where_it_stands(tmp_path: Path):
    held = tmp_path / "held"
    with held.open("wb") as stream:
        stream.write(b"before ")
        stream.flush()
        write_whole(Path(f"/dev/fd/{stream.fileno()}"), b"between ")
        (tmp_path / "link").symlink_to(f"/proc/self/fd/{stream.fileno()}")
        write_whole(tmp_path / "link", b"again ")
        stream.write(b"after")
    assert held.read_bytes() == b"before between again after"


@pytest.mark.parametrize(
    ("path", "handle"),
    [
        ("/dev/stdout", 1), ("/dev/stderr", 2), ("/dev/fd/7", 7), ("/proc/self/fd/7", 7),
        ("/proc/OWN/fd/7", 7), ("/proc/thread-self/fd/7", 7), ("/proc/PARENT/fd/7", None),
        ("/dev/null", None), ("stdout", None), ("/dev/../dev/fd/7", 7),
    ],
)  # fmt: skip
def test_a_stream_of_this_process_is_known_by_its_paths(path: str, handle: int | None):
    path = path.replace("OWN", str(os.getpid())).replace("PARENT", str(os.getppid()))
    assert handle_of(Path(path)) == handle


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (".", "Is a directory"),
        ("missing/file", "No such file or directory"),
        ("file/inside", "Not a directory"),
        ("loop", "Too many levels of symbolic links"),
        ("x" * 300, "File name too long"),
        ("/dev/full", "No space left on device"),
    ],
)
def test_what_cannot_be_written_is_named(tmp_path: Path, name: str, said: str):
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    output = tmp_path / name
    with pytest.raises(UsageError) as caught:
        write_whole(output, b"text")
    assert str(caught.value) == f"{output}: cannot be written: {said}"


def test_nobody_reads_a_pipe_any_more(tmp_path: Path):
    reading, writing = os.pipe()
    os.close(reading)
    with pytest.raises(BrokenPipeError):
        write_whole(Path(f"/dev/fd/{writing}"), b"text")
    os.close(writing)


# Drafts that are left behind


def left_behind(folder: Path) -> Path:
    """A draft whose process is gone."""
    handle, path = drafts.named(folder)
    os.write(handle, b"half of a")
    os.close(handle)
    return path


def test_drafts_of_dead_processes_are_deleted_by_the_next_that_writes_there(tmp_path: Path):
    dead = left_behind(tmp_path)
    handle, alive = drafts.named(tmp_path)
    for other in (".hidden", "a" + drafts.ENDING, ".x.tmp"):
        (tmp_path / other).touch()
    write_whole(tmp_path / "out", b"new")
    assert not dead.exists()
    assert names(tmp_path) == sorted([".hidden", ".x.tmp", "a" + drafts.ENDING, "out", alive.name])
    os.close(handle)


def test_what_is_no_draft_is_not_deleted_whatever_its_name(tmp_path: Path):
    (tmp_path / "kept").write_text("kept", "utf-8")
    link, folder, pipe = (tmp_path / f".{n}{drafts.ENDING}" for n in ("link", "folder", "pipe"))
    link.symlink_to("kept")
    folder.mkdir()
    os.mkfifo(pipe)
    drafts.sweep(tmp_path)
    assert len(names(tmp_path)) == 4
    drafts.sweep(tmp_path / "missing")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_drafts_of_others_are_theirs(tmp_path: Path):
    theirs = left_behind(tmp_path)
    os.chown(theirs, 12_345, -1)
    drafts.sweep(tmp_path)
    assert theirs.exists()


def test_a_draft_that_was_swept_before_it_was_locked_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    lock, swept = fcntl.flock, []

    def too_late(handle: int, how: int) -> None:
        if not swept:
            swept.extend(tmp_path.iterdir())
            swept[0].unlink()
        lock(handle, how)

    monkeypatch.setattr(fcntl, "flock", too_late)
    handle, path = drafts.named(tmp_path)
    assert os.path.samestat(os.fstat(handle), path.stat())
    assert path != swept[0]
    os.close(handle)


def test_an_unnamed_draft_leaves_nothing_wherever_it_ends(tmp_path: Path):
    handle = drafts.unnamed(tmp_path)
    if handle is None:
        pytest.skip("this file system has no unnamed files")
    os.write(handle, b"half of a")
    assert names(tmp_path) == []
    assert drafts.path_of(handle).read_bytes() == b"half of a"
    os.close(handle)
