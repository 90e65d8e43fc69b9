"""What a command is spared at its start."""

from __future__ import annotations

import contextlib
import importlib.abc
import sys
from collections.abc import Iterator, Sequence
from typing import Any


class _NoPandas(importlib.abc.MetaPathFinder):
    """Says that pandas is not there."""

    def find_spec(self, fullname: str, _path: Sequence[str] | None, _target: Any = None) -> None:
        """Raises ModuleNotFoundError for pandas."""
        if fullname == "pandas":
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
