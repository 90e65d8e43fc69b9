"""Lines of key=value, as logs of Go programs and of scripts have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from costaudit.ingest.canonical import calls_of
from costaudit.ingest.logfmt import record_in
from costaudit.ingest.reader import open_log
from costaudit.ingest.sniff import Container, sniff
from costaudit.times import instant

WHEN = "2026-06-18T10:00:00Z"
COUNTS = "model=gpt-4o-mini prompt_tokens=1200 completion_tokens=80 cached_tokens=1024"
LINES = {
    "slog": f"time={WHEN} level=INFO msg=llm_usage {COUNTS}",
    "logrus": f'time="{WHEN}" level=info msg="an \\"llm\\" call, done" {COUNTS}',
    "with commas": f"2026-06-18 10:00:00,123 INFO app: {COUNTS.replace(' ', ', ')}",
    "in brackets": f"[{WHEN}] [LLM] ({COUNTS})",
    "dotted": f"ts={WHEN} gen_ai.request.model=gpt-4o-mini gen_ai.usage.input_tokens=1200 "
              "gen_ai.usage.output_tokens=80 gen_ai.usage.cache_read.input_tokens=1024",
}  # fmt: skip


@pytest.mark.parametrize("name", LINES)
def test_a_line_of_pairs_is_a_record(name: str, tmp_path: Path):
    path = tmp_path / "app.log"
    path.write_text(f"starting\n{LINES[name]}\n{LINES[name]}\nlevel=INFO msg=ready port=80\n")
    log = sniff("app.log", path)
    assert log.container is Container.JSONL
    reader = open_log(log)
    (block,) = reader.blocks()
    parsed = reader.parse(block)
    calls = calls_of(parsed.batch)
    assert [(call.input, call.cache_read, call.output) for call in calls] == [(176, 1024, 80)] * 2
    assert [call.ts and instant(call.ts) for call in calls] == [WHEN] * 2
    assert parsed.lines == [2, 3]
    assert parsed.quarantine.counts == {"not_json": 2}


@pytest.mark.parametrize(
    "line",
    [
        "level=INFO msg=ready port=80",
        "input_tokens=12 is what we sent",
        "max_input_tokens=12 max_output_tokens=3",
        "input_tokens=many output_tokens=few",
        "tokens: input=12 output=3",
        "url=/x?input_tokens=1&output_tokens=2",
        "x" * (1 << 17) + " input_tokens=12 output_tokens=3",
    ],
)
def test_other_lines_stay_text(line: str):
    assert record_in(line) is None
