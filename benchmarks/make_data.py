"""Make a generated log of any kind, the same bytes every time, and beside it what its requests come to.

python -m benchmarks.make_data lean --rows 1000000
python -m benchmarks.make_data parquet --rows 10000000 --data /var/tmp/logs
"""

from __future__ import annotations

import argparse
import gzip
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import pyarrow.parquet as pq

from benchmarks.drawn import SCHEMA, Truth, chunks
from benchmarks.logs import Log, default_folder
from benchmarks.make_lines import write_bad, write_fat, write_late, write_lean, write_small, write_text
from benchmarks.make_litellm import write_litellm
from benchmarks.make_otlp import write_otlp

ROW_GROUP: Final = 128 << 10


def write_parquet(path: Path, rows: int, truth: Truth) -> None:
    """The records as zstd-compressed Parquet."""
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for table in chunks(rows, truth):
            writer.write_table(table, row_group_size=ROW_GROUP)


def write_gz(path: Path, rows: int, truth: Truth) -> None:
    """The lean lines, compressed; the time is left out, so that the bytes are the same tomorrow."""
    plain = path.with_suffix(".plain")
    write_lean(plain, rows, truth)
    with (
        plain.open("rb") as lines,
        path.open("wb") as out,
        gzip.GzipFile("", "wb", compresslevel=6, fileobj=out, mtime=0) as packed,
    ):
        shutil.copyfileobj(lines, packed, 1 << 20)
    plain.unlink()


WRITERS: Final[dict[str, Callable[[Path, int, Truth], None]]] = {
    "lean": write_lean,
    "fat": write_fat,
    "text": write_text,
    "bad": write_bad,
    "late": write_late,
    "small": write_small,
    "gz": write_gz,
    "parquet": write_parquet,
    "litellm": write_litellm,
    "otlp": write_otlp,
}
"""How each kind of log is written."""


def make(log: Log, folder: Path) -> Path:
    """The log, made if it is not there yet."""
    path, truth_path = log.path(folder), log.truth_path(folder)
    if not truth_path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.rmtree(path, ignore_errors=True)  # a folder of which not all was written
        truth = Truth()
        WRITERS[log.kind](path, log.rows, truth)
        truth_path.write_bytes(msgspec.json.encode(truth))
    return path


def main() -> None:
    """Make one log and print its name."""
    parser = argparse.ArgumentParser(description="Make a generated request log.")
    parser.add_argument("kind", choices=WRITERS)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--data", type=Path, default=default_folder(), help="where it is kept: %(default)s")
    args = parser.parse_args()
    log = Log(args.kind, args.rows)
    print(f"{make(log, args.data)}  {log.size(args.data) / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
