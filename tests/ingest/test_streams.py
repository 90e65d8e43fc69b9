"""Files as blocks of whole lines, whether or not lines end where they are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from costaudit.ingest.files import find_logs
from costaudit.ingest.streams import text_blocks

SHORT = b'{"model": "gpt-4o"}' + b" " * 980 + b"\n"


@pytest.mark.parametrize("end", [SHORT, SHORT[:-1]])
@pytest.mark.parametrize("line", [SHORT, SHORT[:-1] + b" " * 200_000 + b"\n", b"\n"])
def test_blocks_are_all_of_a_file_in_whole_lines(tmp_path: Path, line: bytes, end: bytes):
    data = (SHORT * 150 + line * 2) * 3 + end
    path = tmp_path / "log.jsonl"
    path.write_bytes(data)
    blocks = list(text_blocks(find_logs([str(path)])[0][0], block_bytes=100_000))
    assert b"".join(block.data for block in blocks) == data
    assert all(block.data.endswith(b"\n") for block in blocks[:-1])
    places = [(block.offset, block.first_line) for block in blocks]
    assert places == [(at, data.count(b"\n", 0, at) + 1) for at, _ in places]
    assert [block.newlines for block in blocks if block.newlines] == [
        block.data.count(b"\n") for block in blocks if block.newlines
    ]
