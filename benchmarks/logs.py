"""The generated logs by name, and where each is kept."""

from __future__ import annotations

import getpass
import tempfile
from pathlib import Path
from typing import Final

import msgspec

EDITION: Final = "20260301a"
"""In the name of every log: a maker that writes other bytes than before gets a new letter."""

SUFFIXES: Final = {
    "lean": ".jsonl",
    "fat": ".jsonl",
    "text": ".jsonl",
    "bad": ".jsonl",
    "late": ".jsonl",
    "small": "",
    "gz": ".jsonl.gz",
    "parquet": ".parquet",
    "litellm": ".jsonl",
    "otlp": ".jsonl",
}
"""Every kind of log, and how its name ends; `small` is a folder."""


class Log(msgspec.Struct, frozen=True):
    """A generated log."""

    kind: str
    rows: int
    """Records in it, those not counted that are only there to be set aside."""

    def path(self, folder: Path) -> Path:
        """Where it is kept."""
        return folder / f"{self.kind}-{self.rows}-{EDITION}{SUFFIXES[self.kind]}"

    def truth_path(self, folder: Path) -> Path:
        """Where is written what its requests come to. What is written last: with it the log is whole."""
        return folder / f"{self.kind}-{self.rows}-{EDITION}.truth"

    def size(self, folder: Path) -> int:
        """Bytes of the log."""
        path = self.path(folder)
        return sum(p.stat().st_size for p in ([*path.iterdir()] if path.is_dir() else [path]))


def default_folder() -> Path:
    """Where logs are kept by default: a folder of the user's own among the temporary files."""
    return Path(tempfile.gettempdir()) / f"costaudit-bench-{getpass.getuser()}"
