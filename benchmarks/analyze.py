"""Time `costaudit analyze` on a generated log: seconds, records per second, peak memory of the process.

The log is the same for the same number of records, so that two runs can be compared.

usage: python benchmarks/analyze.py [--records 200000]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

MODELS = ("gpt-4o", "gpt-4o-mini", "claude-3-5-sonnet-20241022", "claude-3-5-haiku-20241022")
FEATURES = ("classify", "summarize", "chat", "codegen", "extract")
START = datetime(2025, 6, 1, tzinfo=UTC)


def write_log(path: Path, records: int) -> None:
    """Write flat records over thirty days, with metadata and token counts but no text."""
    rng = random.Random(0)
    step = timedelta(days=30) / records
    with path.open("w", encoding="utf-8") as file:
        for n in range(records):
            prompt = rng.randint(50, 4000)
            record = {
                "timestamp": (START + n * step).isoformat(),
                "request_id": f"req-{n}",
                "model": rng.choice(MODELS),
                "endpoint": rng.choice(FEATURES),
                "input_tokens": prompt,
                "cache_read_tokens": rng.choice((0, 0, prompt // 2)),
                "output_tokens": rng.randint(1, 900),
                "status": "error" if rng.random() < 0.01 else "ok",
            }
            file.write(json.dumps(record) + "\n")


def main() -> int:
    """Generate, analyze, print one line; the exit code is the analysis's own."""
    parser = argparse.ArgumentParser(description="Time an analysis of a generated log.")
    parser.add_argument("--records", type=int, default=200_000)
    records = parser.parse_args().records
    command = [str(Path(sys.executable).with_name("costaudit")), "analyze", "--format", "json"]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log.jsonl")
        write_log(log, records)
        size = log.stat().st_size
        start = time.perf_counter()
        code = subprocess.run([*command, str(log)], stdout=subprocess.DEVNULL, check=False).returncode
        seconds = time.perf_counter() - start
    peak_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (
        1024 if sys.platform == "darwin" else 1
    )
    print(
        f"{records:,} records, {size / 1e6:.1f} MB of JSON lines on {os.cpu_count()} CPUs: {seconds:.2f} s, "
        f"{records / seconds:,.0f} records/s, {size / 1e6 / seconds:.1f} MB/s, "
        f"peak {peak_kib / 1024:.0f} MiB, exit {code}"
    )
    return code


if __name__ == "__main__":
    sys.exit(main())
