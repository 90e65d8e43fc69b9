"""What a command is spared at its start."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import types
from collections.abc import Iterator, Sequence
from typing import Any


class _NoPandas:
    """Says that pandas is not there, nor what comes with it."""

    spares = True
    """Who asks what is installed leaves it out: see `costaudit doctor`."""

    @staticmethod
    def find_spec(fullname: str, _path: Sequence[str] | None, _target: Any = None) -> None:
        """Raises ModuleNotFoundError for pandas and dateutil."""
        if fullname in ("pandas", "dateutil"):
            raise ModuleNotFoundError(fullname, name=fullname)


@contextlib.contextmanager
def without_pandas() -> Iterator[None]:
    """Within it Arrow does not import pandas, which it does at its first array if it can.

    No command needs pandas, and importing it takes longer than auditing a small log. Programs that use
    costaudit as a library have it, before and after.
    """
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Numbers of settings of glibc's allocator, from malloc.h."""


def keep_freed_memory() -> None:
    """Let the allocator keep what is freed for what comes next: blocks of a log are alike in size.

    Where it gives the memory of large arrays back to the system, every block faults in its pages anew, which
    is a tenth of the time of an audit. Other allocators than glibc's are left as they are.
    """
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415 - start-up

    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_TRIM_THRESHOLD, 1 << 30)
        set_option(_MMAP_THRESHOLD, 32 << 20)


def start_little() -> None:
    """Say to libraries that are not loaded yet what they need not begin with, unless somebody has.

    numpy's BLAS starts a thread per core, each of which waits a while for work by turning round; what is
    multiplied here is small. Arrow has an allocator of its own, which holds memory that the other one lacks.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if sys.platform == "linux":
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def load_no_plugins() -> None:
    """Let pydantic look for no plugins: it would read the metadata of every installed package."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


class _NoText:
    """A docstring in which nothing is looked for."""

    def __init__(self, _text: str) -> None:
        """Leave the text as it is."""

    def __getitem__(self, _section: str) -> tuple[()]:
        return ()


def take_no_docstrings_apart() -> None:
    """Let Arrow describe its functions without the parameters of their options.

    It takes a hundred docstrings apart to write three hundred, which no command shows.
    """
    name = "pyarrow.vendored.docscrape"
    stub = types.ModuleType(name)
    stub.NumpyDocString = _NoText  # type: ignore[attr-defined]  # all that Arrow asks for
    sys.modules.setdefault(name, stub)


def collect_rarely() -> None:
    """Look for garbage that refers to itself only now and then: importing makes much that stays."""
    gc.set_threshold(200_000, 50, 100)


def collect_no_more() -> None:
    """Look for no garbage at the end, which takes all memory with it."""
    gc.freeze()
