"""Compile the reader of JSON lines, without which costaudit works too. Needs the standard library only.

usage: python tools/build_native.py [FILE]      (beside its source unless another file is named)
CC names the compiler. Exits 1 with the reason where there is none, or it does not work.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).resolve().parent.parent / "costaudit" / "ingest" / "native" / "lines.c"
FLAGS: Final = ("-std=c11", "-O3", "-g0", "-fPIC", "-fvisibility=hidden", "-shared")
LINUX_FLAGS: Final = ("-s", "-Wl,--build-id=none")
"""So that the same source and compiler give the same bytes, wherever they are."""
SECONDS: Final = 120


class NotBuiltError(Exception):
    """There is no compiled reader, and why."""


def build(target: Path, more: tuple[str, ...] = ()) -> None:
    """Compile it to a file, with more flags; raises NotBuiltError, and leaves no file then."""
    flags = (*FLAGS, *(LINUX_FLAGS if sys.platform == "linux" else ()), *more)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        made = Path(folder) / target.name
        command = [*shlex.split(os.environ.get("CC") or "cc"), *flags, "-o", str(made), SOURCE.name]
        try:
            done = subprocess.run(
                command, cwd=SOURCE.parent, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS,
                check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotBuiltError(f"the compiler cannot be used: {error}") from error
        if done.returncode:
            raise NotBuiltError(done.stderr.decode("utf-8", "replace").strip() or f"exit {done.returncode}")
        if not more:
            _try(made)
        made.replace(target)


def _try(made: Path) -> None:
    """Raise NotBuiltError where a library cannot be loaded here: it is for another machine, or broken."""
    (abi,) = re.findall(r"\bABI = (\d+)", SOURCE.read_text("utf-8"))
    script = f"import ctypes, sys; sys.exit(ctypes.CDLL(sys.argv[1]).costaudit_lines_abi() != {abi})"
    done = subprocess.run(
        [sys.executable, "-c", script, str(made)], capture_output=True, timeout=SECONDS, check=False
    )
    if done.returncode:
        raise NotBuiltError("what the compiler made cannot be loaded")


def main() -> int:
    """Compile to the file named on the command line."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCE.with_name("lines.so")
    try:
        build(target)
    except NotBuiltError as error:
        print(f"no compiled reader: {error}", file=sys.stderr)
        return 1
    print(f"compiled {target.name}; costaudit doctor says whether it is used")
    return 0


if __name__ == "__main__":
    sys.exit(main())
