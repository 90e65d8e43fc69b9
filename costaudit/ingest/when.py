"""When a record says that it was written, by the words that logs use for it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from costaudit.ingest.fields import timestamp_us
from costaudit.ingest.format import Record

_WORDS: Final = {
    word: rank
    for rank, word in enumerate((
        "timestamp", "timestamputc", "ts", "time", "datetime", "date", "requestedat", "requesttime",
        "startedat", "starttime", "starttimestamp", "calledat", "createdat", "created", "createtime",
        "loggedat", "logtime", "eventtime", "timegenerated", "asctime", "realtimetimestamp",
        "receivetimestamp", "receivedat", "finishedat", "endtime", "ingestiontime", "timestampms",
        "eventtimestampms", "timestampns", "timeunixnano", "epoch", "epochms", "at", "when", "t",
    ))
}  # fmt: skip
"""Names of times without their case and their marks, the more telling first."""


def stated_time(record: Record) -> int | None:
    """Microseconds since 1970 under the most telling of the keys of a record that speak of a time.

    >>> stated_time({"logged_at": "2025-11-01T10:00:00Z"}) == stated_time({"@timestamp": 1761991200})
    True
    """
    found = sorted((rank, key) for key in record if (rank := _rank(key)) is not None)
    times = (timestamp_us(record[key]) for _, key in found)
    return next((us for us in times if us is not None), None)


@lru_cache(maxsize=4096)
def _rank(key: str) -> int | None:
    return _WORDS.get(re.sub(r"[^a-z]", "", key.lower())) if len(key) <= 40 else None
