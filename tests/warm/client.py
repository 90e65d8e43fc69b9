"""Commands in children of a warm process: as isolated as a process of their own, without its start-up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.warm.server import Fate, Order

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended: what it left behind, and what it took."""

    argv: tuple[str, ...]
    code: int
    """The exit code, or minus the signal that ended it."""
    out: bytes
    err: str
    cpu_s: float
    peak_mb: int
    wall_s: float
    killed: str
    """Why it had to be killed, if it had: time or memory."""

    @property
    def text(self) -> str:
        """stdout as text."""
        return self.out.decode("utf-8", "replace")


class Warm:
    """The warm process; started with the first command, ended by `close`."""

    def __init__(self, scratch: Path) -> None:
        """`scratch` holds what children write to stdout and stderr."""
        self._scratch = scratch
        self._process: subprocess.Popen[str] | None = None
        self._number = 0

    def run(
        self,
        *argv: object,
        cwd: Path | None = None,
        stdin: Path | str = os.devnull,
        stdout: str | None = None,
        stderr: str | None = None,
        environ: Mapping[str, str | None] | None = None,
        during: Callable[[int], None] | None = None,
        **given: Any,
    ) -> Ended:
        """Run costaudit; `during` is called with its process id meanwhile, `given` are fields of Order."""
        self._number += 1
        places = {name: self._scratch / f"{self._number}.{name}" for name in ("out", "err")}
        for place in places.values():
            place.touch()
            place.chmod(0o666)  # the child may become somebody else
        words = [os.fsdecode(word) if isinstance(word, bytes) else str(word) for word in argv]
        order = Order(
            words,
            str(cwd or self._scratch),
            str(stdin),
            stdout or str(places["out"]),
            stderr or str(places["err"]),
            dict(environ or {}),
            **given,
        )
        fate = self._carry_out(order, during)
        out, err = (place.read_bytes() for place in places.values())
        for place in places.values():
            place.unlink()
        told = asdict(fate)
        return Ended(tuple(words), told.pop("code"), out, err.decode("utf-8", "replace"), **told)

    def _carry_out(self, order: Order, during: Callable[[int], None] | None) -> Fate:
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        print(json.dumps(asdict(order)), file=process.stdin, flush=True)
        child = int(process.stdout.readline())
        if during is not None:
            during(child)
        return Fate(**json.loads(process.stdout.readline()))

    def _start(self) -> subprocess.Popen[str]:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm.server"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n", "the warm process did not start"
        return self._process

    def close(self) -> None:
        """End the warm process."""
        if self._process is not None:
            self._process.communicate()
            self._process = None
