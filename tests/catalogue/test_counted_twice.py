"""One log under several names, links and copies of it: counted once, or said to be the same."""

from __future__ import annotations

import gzip
import os

from tests.catalogue.auditor import Auditor
from tests.catalogue.logs import nameless, packed, record


def test_one_file_by_many_names(audit: Auditor):
    log = audit.file("d/x.jsonl", nameless(5))
    folder = log.parent
    (folder / "y.jsonl").symlink_to("x.jsonl")
    audit.counted(log, folder, f"{folder}/../d/x.jsonl", f"{folder}/*.jsonl", requests=5)


def test_a_hard_link(audit: Auditor):
    log = audit.file("d/x.jsonl", nameless(5))
    os.link(log, log.parent / "y.jsonl")
    audit.counted(log.parent, requests=5)


def test_a_packed_copy_is_told(audit: Auditor):
    rows = [{**record(number), "request_id": None, "input_tokens": number} for number in range(5)]
    data = b"".join(map(packed, rows))
    folder = audit.file("d/x.jsonl", data).parent
    audit.file("d/x.jsonl.gz", gzip.compress(data))
    ended = audit.run("analyze", folder, "--format", "json")
    once = b'"requests": 5,' in ended.out
    assert once or any(word in ended.err for word in ("same", "twice", "copy"))
