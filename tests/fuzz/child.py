"""A child that runs commands on broken input: it may crash or hang without taking the tests with it."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import ROOT, Outcome

SECONDS = 120
"""A command that takes longer hangs."""
MEMORY_MB = 1200


class BrokenError(AssertionError):
    """What no input may do."""


@dataclass
class Child:
    """Started when it is needed, and again after it has died."""

    process: subprocess.Popen[str] | None = None

    def run(self, folder: Path, argv: Sequence[str]) -> Outcome:
        """Run a command in a folder; raises BrokenError if it does not end as a command should."""
        process = self.process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        print(json.dumps([str(folder), list(argv)]), file=process.stdin, flush=True)
        if not select.select([process.stdout], [], [], SECONDS)[0]:
            self.end()
            raise BrokenError(f"no answer within {SECONDS} seconds")
        answer = process.stdout.readline()
        if not answer:
            code = process.wait()
            self.end()
            raise BrokenError(f"the process died: exit code {code}")
        code, out, err, peak_mb = json.loads(answer)
        if peak_mb > MEMORY_MB:
            self.end()  # the next one begins anew
            raise BrokenError(f"took {peak_mb} MB")
        if code not in (0, 1, 2) or "Traceback" in err:
            raise BrokenError(f"exit code {code}: {err[-1000:]}")
        return Outcome(code, out, err)

    def _start(self) -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", "tests.fuzz.worker"]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.DEVNULL, text=True, **pipes)
        return self.process

    def end(self) -> None:
        """Kill the process, if there is one."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None
