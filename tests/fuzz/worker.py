"""Runs commands one after the other in one process: `python -m tests.fuzz.worker`.

A line of JSON comes in on stdin: the folder and the words of a command. A line goes out on stdout: exit code,
stdout, stderr and the most memory ever held, in MB.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource

from costaudit.cli import main
from tests.offline import sitecustomize as _forbids_sockets  # noqa: F401 - importing it is enough


def serve() -> None:
    """Run commands until stdin ends."""
    orders, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    for line in orders:
        folder, argv = json.loads(line)
        os.chdir(folder)
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main.run(argv)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        told = [stream.buffer.getvalue().decode("utf-8", "replace") for stream in (out, err)]  # type: ignore[attr-defined]
        print(json.dumps([code, *told, peak_mb]), file=answers, flush=True)


if __name__ == "__main__":
    serve()
