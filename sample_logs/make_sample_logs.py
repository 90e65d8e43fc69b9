"""Writes the three sample logs of this folder. They are synthetic: nothing in them was ever logged.

    python sample_logs/make_sample_logs.py             write the logs and their totals
    python sample_logs/make_sample_logs.py --check     exit 1 if the files are not what this script writes
    python sample_logs/make_sample_logs.py --summary   print the totals, write nothing

The same seed gives the same bytes; there is no clock and no network. Only `random.Random.random()` is
drawn from, the one stream that Python promises to keep between versions. tests/sample_logs/totals.json is
summed from the values before they are written, at the prices in generator/totals.py, so that it can judge
a program that reads the logs. The texts are in generator/templates.toml, the traffic in
generator/traffic.toml.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import sys
import tomllib
import zlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

HERE: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # the script finds its parts wherever it is started from

from sample_logs.generator.bill import anthropic_csv  # noqa: E402 - after the path is set
from sample_logs.generator.chance import SEED  # noqa: E402
from sample_logs.generator.chat import ChatLog  # noqa: E402
from sample_logs.generator.flat import DICTIONARY, Job, PlatformLog  # noqa: E402
from sample_logs.generator.gateway import GatewayLog, Route  # noqa: E402

CHAT: Final = "support_chat.jsonl.gz"
GATEWAY: Final = "litellm_gateway.jsonl.gz"
PLATFORM: Final = "platform_month.parquet"
TOTALS: Final = "../tests/sample_logs/totals.json"
"""Not beside the logs: a program that reads this folder would take it for one of them."""
BILL: Final = "../docs/examples/anthropic_usage.csv"
"""A bill for the gateway's log; elsewhere for the same reason."""


def gzipped(lines: Sequence[str]) -> bytes:
    """The lines, compressed, without a file name or a time in the header."""
    out = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=out, mtime=0) as packed:
        packed.write("".join(line + "\n" for line in lines).encode())
    return out.getvalue()


def parquet(table: Any) -> bytes:
    """The table as one Parquet file."""
    out = pa.BufferOutputStream()
    pq.write_table(table, out, compression="zstd", compression_level=9, use_dictionary=DICTIONARY)
    return bytes(out.getvalue().to_pybytes())


def make() -> tuple[dict[str, bytes], dict[str, Any]]:
    """All files by name, and the totals."""
    traffic = _toml("traffic.toml")
    chat = ChatLog(_toml("templates.toml"))
    gateway = GatewayLog([Route(**route) for route in traffic["route"]])
    platform = PlatformLog([Job(**job) for job in traffic["job"]])
    files = {
        CHAT: gzipped(chat.lines(7_750)),
        GATEWAY: gzipped(gateway.lines(9_600)),
        PLATFORM: parquet(platform.table(10_000, 64)),
    }
    logs = {CHAT: chat.tally, GATEWAY: gateway.tally, PLATFORM: platform.tally}
    totals = {
        "synthetic": True,
        "seed": SEED,
        "files": {name: tally.as_json() for name, tally in logs.items()},
    }
    files[BILL] = anthropic_csv(gateway.tally.days)
    files[TOTALS] = (json.dumps(totals, indent=1) + "\n").encode()
    return files, totals


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads((HERE / "generator" / name).read_text(encoding="utf-8"))


def content(name: str, data: bytes) -> Any:
    """What a file says, apart from how the installed zlib or pyarrow compresses it."""
    if name.endswith(".gz"):
        return gzip.decompress(data)
    if name.endswith(".parquet"):
        return pq.read_table(pa.BufferReader(data))
    return data


def _same(name: str, there: bytes, data: bytes) -> bool:
    try:
        return bool(content(name, there) == content(name, data))
    except (OSError, EOFError, zlib.error, pa.ArrowInvalid):
        return False  # not even a gzip or Parquet file


def differences(files: Mapping[str, bytes]) -> list[str]:
    """The files here that are missing or say something else than this script does."""
    found = []
    for name, data in files.items():
        path = HERE / name
        if not path.exists():
            found.append(f"{name}: missing")
            continue
        there = path.read_bytes()
        if there != data and not _same(name, there, data):
            found.append(f"{name}: differs from what the script writes")
    return found


_COLUMNS: Final = "{:<25} {:>7} {:>8} {:>6} {:>4} {:>3} {:>12} {:>10} {:>8} {:>8}"
_TITLES: Final = "file records requests failed dups bad tokens-in tokens-out list-USD reported"


def summary(totals: Mapping[str, Any]) -> str:
    """The totals as a table."""
    rows = [_COLUMNS.format(*_TITLES.split())]
    for name, t in totals["files"].items():
        prompt = sum(t["tokens"][c] for c in ("input", "cache_read", "cache_write_5m"))
        cells = [
            *(t[key] for key in ("records", "requests", "failures", "duplicates")),
            t["broken_lines"] + t["impossible_usage"],
            f"{prompt:,}",
            f"{t['tokens']['output']:,}",
            f"{Decimal(t['list_usd']):.2f}",
            f"{Decimal(t['reported_usd']):.2f}" if t["reported_usd"] else "-",
        ]
        rows.append(_COLUMNS.format(name, *cells))
    return "\n".join(rows)


def main() -> int:
    """Write, check or summarise; the exit code."""
    parser = argparse.ArgumentParser(description="Write the synthetic sample logs.")
    parser.add_argument("--check", action="store_true", help="exit 1 if the files here differ, write nothing")
    parser.add_argument("--summary", action="store_true", help="print the totals, write nothing")
    options = parser.parse_args()
    files, totals = make()
    if options.summary:
        print(summary(totals))
    if options.check:
        found = differences(files)
        print(
            "\n".join(found) or "sample logs are what the script writes",
            file=sys.stderr if found else sys.stdout,
        )
        return 1 if found else 0
    if not options.summary:
        for name, data in files.items():
            (HERE / name).write_bytes(data)
            print(f"{Path(name).name}  {len(data):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
