"""Commands in children of a warm process: streams, limits, users and signals are real, and starting is quick.

As a script it is that process: it reads requests as JSON lines and forks for each.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
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
            env={**os.environ, "PYTHONPATH": str(root)},
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
        *argv: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        streams: Mapping[int, str | Path] | None = None,
        encoding: str = "utf-8",
        limits: Mapping[str, int] | None = None,
        uid: int = 0,
        before: str = "",
        meanwhile: Callable[[int], None] | None = None,
    ) -> Ended:
        """Run a command. `before` is Python that its child runs first; `meanwhile` gets the child's id."""
        out, err = self.folder / "out", self.folder / "err"
        for path in (out, err):
            path.unlink(missing_ok=True)
            path.touch()
            path.chmod(0o666)
        given = {0: os.devnull, 1: out, 2: err, **(streams or {})}
        request = {
            "argv": [str(arg) for arg in argv], "cwd": str(cwd or self.folder), "env": dict(env or {}),
            "streams": [str(given[n]) for n in range(3)], "encoding": encoding, "limits": dict(limits or {}),
            "uid": uid, "before": before,
        }  # fmt: skip
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        pid = self._answer()
        try:
            if meanwhile is not None:
                meanwhile(pid)
        finally:
            code = self._answer()
        return Ended(code, out.read_bytes(), err.read_bytes().decode("utf-8", "replace"))

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
    os.environ.update(request["env"])
    tempfile.tempdir = None  # TMPDIR is asked anew
    _open_streams(request["streams"], request["encoding"])
    for name, most in request["limits"].items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))
    if request["uid"]:
        os.setgroups([])
        os.setgid(request["uid"])
        os.setuid(request["uid"])
    exec(request["before"], {})  # noqa: S102 - of the tests themselves


def _serve() -> None:
    from costaudit.cli import main  # noqa: PLC0415 - the tests import this file, too

    asked, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    with tempfile.TemporaryDirectory() as folder:  # what is imported late is imported now
        log = Path(folder, "log.jsonl")
        call = {"timestamp": "2026-10-05T09:00:00Z", "request_id": "r", "model": "gpt-4o", "input_tokens": 1}
        log.write_text(json.dumps({**call, "output_tokens": 1, "prompt": "hi"}) + "\n", "utf-8")
        quiet = ["--threads", "1", "-q", "-o"]
        for command, ending in (
            ("analyze", "txt"),
            ("simulate", "txt"),
            ("tag", "parquet"),
            ("ledger", "parquet"),
        ):
            assert main.run([command, str(log), *quiet, str(Path(folder, f"{command}.{ending}"))]) == 0
    answers.write('"ready"\n')
    answers.flush()
    for line in asked:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            code = 99
            with contextlib.suppress(BaseException):
                _become(request)
                code = main.run(request["argv"])
            os._exit(code)
        answers.write(f"{pid}\n")
        answers.flush()
        answers.write(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n")
        answers.flush()


if __name__ == "__main__":
    _serve()
