"""Commands in children of a warm process: streams, limits, users and signals are real, and starting is quick.

As a script it is that process: it reads requests as JSON lines and forks for each. What a child takes is
measured, and one that takes too much is killed.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CLOSED = "closed"
"""Instead of the name of a file: the stream is closed, as `>&-` does it."""
UNREAD = "unread"
"""Or: it is a pipe that nobody reads any more."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command left behind."""

    code: int
    """The exit code; below 0 the signal that killed it."""
    out: bytes
    err: str
    cpu_s: float
    peak_mb: int
    wall_s: float
    killed: str
    """Why it was killed for what it took, if it was: time or memory."""

    @property
    def text(self) -> str:
        """stdout as text."""
        return self.out.decode("utf-8", "replace")


@dataclass
class Warm:
    """A process that has imported what commands need."""

    folder: Path
    """Where the streams are kept."""
    process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        root = Path(__file__).resolve().parent.parent
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
            env={**os.environ, "PYTHONPATH": f"{root / 'tests' / 'offline'}{os.pathsep}{root}"},
        )
        assert self._answer() == "ready"

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def __call__(
        self,
        *argv: str | bytes | Path,
        cwd: Path | None = None,
        env: Mapping[str, str | None] | None = None,
        streams: Mapping[int, str | Path] | None = None,
        encoding: str = "utf-8",
        limits: Mapping[str, int] | None = None,
        uid: int = 0,
        more_memory: int = 0,
        before: str = "",
        meanwhile: Callable[[int], None] | None = None,
        timeout_s: float = 300,
        memory_mb: int = 4000,
    ) -> Ended:
        """Run a command. `before` is Python that its child runs first; `meanwhile` gets the child's id.

        A variable of `env` that is None is taken away. `more_memory` are the bytes of address space that the
        child may take beside what it is born with; it is killed after so many seconds, or with so many MB.
        """
        out, err = self.folder / "out", self.folder / "err"
        for path in (out, err):
            path.unlink(missing_ok=True)
            path.touch()
            path.chmod(0o666)
        given = {0: os.devnull, 1: out, 2: err, **(streams or {})}
        request = {
            "argv": [os.fsdecode(arg) for arg in argv], "cwd": str(cwd or self.folder),
            "env": dict(env or {}), "streams": [str(given[n]) for n in range(3)], "encoding": encoding,
            "limits": dict(limits or {}), "more_memory": more_memory, "uid": uid, "before": before,
            "timeout_s": timeout_s, "memory_mb": memory_mb,
        }  # fmt: skip
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        pid = self._answer()
        try:
            if meanwhile is not None:
                meanwhile(pid)
        finally:
            fate = self._answer()
        return Ended(out=out.read_bytes(), err=err.read_bytes().decode("utf-8", "replace"), **fate)

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())


def _open_streams(names: list[str], encoding: str) -> None:
    flags = (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)
    for handle, name in enumerate(names):
        os.close(handle)
        if name != CLOSED:
            found = _unread() if name == UNREAD else os.open(name, flags[handle])
            if found != handle:
                os.dup2(found, handle)
                os.close(found)
    modes = (
        ("rb", "stdin", "surrogateescape"),
        ("wb", "stdout", "strict"),
        ("wb", "stderr", "backslashreplace"),
    )
    for handle, (mode, stream, errors) in enumerate(modes):
        opened = None
        if names[handle] != CLOSED:
            raw: Any = open(handle, mode, closefd=False)  # noqa: SIM115 - for all its life
            opened = io.TextIOWrapper(raw, encoding, errors=errors, line_buffering=stream == "stderr")
        setattr(sys, stream, opened)


def _unread() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def _become(request: dict[str, Any]) -> None:
    """The child: its place, environment, streams, limits and user."""
    os.chdir(request["cwd"])
    for name, value in request["env"].items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever started the tests may ignore it, as nohup does
    time.tzset()
    tempfile.tempdir = None  # TMPDIR is asked anew
    _open_streams(request["streams"], request["encoding"])
    for name, most in request["limits"].items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))
    if request["more_memory"]:
        most = _pages(0) * resource.getpagesize() + request["more_memory"]
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    if request["uid"]:
        os.setgroups([])
        os.setgid(request["uid"])
        os.setuid(request["uid"])
    exec(request["before"], {})  # noqa: S102 - of the tests themselves


def _pages(place: int, process: str = "self") -> int:
    """Of address space (0) or of memory (1)."""
    return int(Path(f"/proc/{process}/statm").read_text("ascii").split()[place])


def _watched(pid: int, request: dict[str, Any], start: float) -> dict[str, Any]:
    """Wait for a child, and kill it where it takes too much; what became of it."""
    handle, killed = os.pidfd_open(pid), ""
    try:
        while not killed and not select.select([handle], [], [], 0.05)[0]:
            with contextlib.suppress(OSError):  # it has just ended
                if time.monotonic() - start > request["timeout_s"]:
                    killed = "time"
                elif _pages(1, str(pid)) * resource.getpagesize() >> 20 > request["memory_mb"]:
                    killed = "memory"
        if killed:
            os.kill(pid, signal.SIGKILL)
        _, status, used = os.wait4(pid, 0)
    finally:
        os.close(handle)
    return {
        "code": os.waitstatus_to_exitcode(status),
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss // 1024,
        "wall_s": time.monotonic() - start,
        "killed": killed,
    }


def _serve() -> None:
    from costaudit.cli import main  # noqa: PLC0415 - the tests import this file, too

    warnings.simplefilter("ignore", DeprecationWarning)  # Arrow's threads do not mind the fork
    asked, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    with tempfile.TemporaryDirectory() as folder:  # what is imported late is imported now
        log = Path(folder, "log.jsonl")
        call = {"timestamp": "2026-10-05T09:00:00Z", "request_id": "r", "model": "gpt-4o", "input_tokens": 1}
        log.write_text(json.dumps({**call, "output_tokens": 1, "prompt": "hi"}) + "\n", "utf-8")
        quiet = ["--threads", "1", "-q", "-o"]
        reports = [[command, "-f", form] for command in ("analyze", "simulate") for form in ("text", "json")]
        for words, ending in [*((report, "txt") for report in reports), (["tag"], "csv"),
                              (["tag"], "parquet"), (["ledger"], "parquet")]:  # fmt: skip
            assert main.run([*words, str(log), *quiet, str(Path(folder, f"out.{ending}"))]) == 0
    gc.collect()
    gc.freeze()
    answers.write('"ready"\n')
    answers.flush()
    for line in asked:
        request, start = json.loads(line), time.monotonic()
        pid = os.fork()
        if pid == 0:
            code = 99
            try:
                _become(request)
                code = main.run(request["argv"])
            except BaseException:  # noqa: BLE001 - a child must not go on as the server
                with contextlib.suppress(OSError):
                    os.write(2, traceback.format_exc().encode())
            os._exit(code)
        answers.write(f"{pid}\n")
        answers.flush()
        answers.write(json.dumps(_watched(pid, request, start)) + "\n")
        answers.flush()


if __name__ == "__main__":
    _serve()
