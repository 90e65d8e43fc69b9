"""A small process with costaudit loaded that forks a child for each command: `python -m tests.warm.server`.

It speaks lines of JSON: an order comes in on stdin; the process id of the child and then what became of it
go out on stdout. The child is a command as the shell would start it, without the start-up.
"""

from __future__ import annotations

import gc
import io
import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from costaudit.cli import main
from tests.offline import sitecustomize as _forbids_sockets  # noqa: F401 - importing it is enough

CLOSED = "closed"
"""In place of a file: the stream is closed, as by `>&-` in a shell."""
_LINE = b'{"timestamp":"2026-10-05","model":"gpt-4o","input_tokens":9,"output_tokens":1,"prompt":"hi"}\n'


@dataclass(frozen=True, slots=True)
class Order:
    """A command and what it is given."""

    argv: list[str]
    """Bytes that are no UTF-8 as lone surrogates, as in sys.argv."""
    cwd: str
    stdin: str
    """A file, or CLOSED."""
    stdout: str
    stderr: str
    environ: dict[str, str | None] = field(default_factory=dict)
    """Added to the environment; None takes a variable away."""
    encoding: str = "utf-8"
    """Of stdout, as PYTHONIOENCODING or the locale would have it."""
    limits: dict[str, int] = field(default_factory=dict)
    """Of the system, by the name of RLIMIT_*."""
    more_memory: int | None = None
    """Bytes of address space that the child may take on top of what it is born with."""
    uid: int = 0
    """The user to become; 0 stays."""
    timeout_s: float = 120
    memory_mb: int = 700
    """The child is killed when it holds more."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a child."""

    code: int
    """The exit code, or minus the signal that ended it."""
    cpu_s: float
    peak_mb: int
    wall_s: float
    killed: str
    """Why it was killed from here, if it was: time or memory."""


def serve() -> None:
    """Carry out orders until stdin ends."""
    orders, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    os.close(nothing)
    warnings.simplefilter("ignore", DeprecationWarning)  # Arrow's threads do not mind the fork
    _warm_up()
    gc.collect()
    gc.freeze()
    print("ready", file=answers, flush=True)
    for line in orders:
        order = Order(**json.loads(line))
        start = time.monotonic()
        child = os.fork()
        if child == 0:
            _obey(order)
        print(child, file=answers, flush=True)
        print(json.dumps(asdict(_watched(child, order, start))), file=answers, flush=True)


def _warm_up() -> None:
    """Load what commands load, so that children find it there."""
    with tempfile.TemporaryDirectory() as place:
        log, answer = Path(place) / "x.jsonl", Path(place) / "out"
        log.write_bytes(_LINE * 3)
        for command in ("analyze", "simulate"):
            for form in ("json", "text", "csv", "markdown"):
                main.run([command, str(log), "--format", form, "--threads", "1", "-q", "-o", str(answer)])
        for command, suffix in (("tag", "jsonl"), ("tag", "csv"), ("tag", "parquet"), ("ledger", "parquet")):
            main.run([command, str(log), "--threads", "1", "-q", "-o", f"{answer}.{suffix}"])
        main.run(["formats", "test", str(log)])


def _watched(child: int, order: Order, start: float) -> Fate:
    """Wait for a child, and kill it where it takes too much."""
    handle, killed, used = os.pidfd_open(child), "", None
    try:
        while used is None:
            if select.select([handle], [], [], 0.05)[0]:
                used = os.wait4(child, 0)
            elif time.monotonic() - start > order.timeout_s:
                killed = "time"
            elif _held_mb(child) > order.memory_mb:
                killed = "memory"
            if killed and used is None:
                os.kill(child, signal.SIGKILL)
                used = os.wait4(child, 0)
    finally:
        os.close(handle)
    _, status, usage = used
    return Fate(
        os.waitstatus_to_exitcode(status),
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss // 1024,
        time.monotonic() - start,
        killed,
    )


def _held_mb(child: int) -> int:
    try:
        pages = int(Path(f"/proc/{child}/statm").read_text("ascii").split()[1])
    except OSError:  # it has just ended
        return 0
    return pages * resource.getpagesize() >> 20


def _obey(order: Order) -> NoReturn:
    """Be the command."""
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(order.cwd)
        for name, value in order.environ.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        time.tzset()
        tempfile.tempdir = None
        _take_streams(order)
        _take_limits(order)
        code = _run(order.argv)
    except BaseException:  # noqa: BLE001 - a child must not go on as the server
        _tell()
        code = 96
    os._exit(code)


def _run(argv: list[str]) -> int:
    """What the interpreter does with the entry point; returns the exit code."""
    sys.argv = ["costaudit", *argv]
    code: Any = 0
    try:
        main.main()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - as the interpreter
        _tell()
        code = 1
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        _tell()
        code = 120
    return code if isinstance(code, int) else 1 if code else 0


def _tell() -> None:
    if sys.stderr is not None:
        traceback.print_exc()


def _take_streams(order: Order) -> None:
    write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for number, (path, mode) in enumerate(
        [(order.stdin, os.O_RDONLY), (order.stdout, write), (order.stderr, write)]
    ):
        if path == CLOSED:
            os.close(number)
        else:
            opened = os.open(path, mode, 0o644)
            os.dup2(opened, number)
            os.close(opened)
    binary = io.FileIO(0, "r", closefd=False) if order.stdin != CLOSED else None
    sys.stdin = binary and io.TextIOWrapper(io.BufferedReader(binary), "utf-8", "surrogateescape")
    sys.stdout = _writer(1, order.stdout, order.encoding, "strict")
    sys.stderr = _writer(2, order.stderr, order.encoding, "backslashreplace")


def _writer(number: int, path: str, encoding: str, errors: str) -> Any:
    if path == CLOSED:
        return None
    raw = io.FileIO(number, "w", closefd=False)
    if number == 2:
        return io.TextIOWrapper(raw, encoding, errors, write_through=True)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors)


def _take_limits(order: Order) -> None:
    for name, value in order.limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        resource.setrlimit(kind, (value, resource.getrlimit(kind)[1]))
    if order.more_memory is not None:
        born = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (born + order.more_memory, resource.RLIM_INFINITY))
    if order.uid:
        os.setgroups([])
        os.setgid(order.uid)
        os.setuid(order.uid)


if __name__ == "__main__":
    serve()
