"""Runs costaudit on hostile input, and holds it to what every command owes whatever it is given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.catalogue.cases import Data
from tests.catalogue.logs import INPUT_USD, OUTPUT_USD
from tests.warm import Ended, Warm

CPU_S = 30
MEMORY_MB = 700
OURS = ("gpt-4o", "gpt-4o-2024-08-06", "openai/gpt-4o-2024-08-06")

Report = dict[str, Any]
"""The JSON of `analyze`, its numbers exact."""


class Auditor:
    """costaudit and a folder to put logs into."""

    def __init__(self, warm: Warm, place: Path) -> None:
        """Commands run in `place`."""
        self._warm = warm
        self.place = place

    def names(self) -> list[str]:
        """What is in the folder."""
        return sorted(path.name for path in self.place.iterdir())

    def file(self, name: str, data: Data | str) -> Path:
        """Write a file."""
        path = self.place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = data() if callable(data) else data
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def run(
        self,
        *argv: object,
        codes: tuple[int, ...] = (0,),
        memory_mb: int = MEMORY_MB,
        cpu_s: float = CPU_S,
        **given: Any,
    ) -> Ended:
        """A command that ends by itself, in its bounds and without a traceback."""
        words = [word if isinstance(word, bytes) else str(word) for word in argv]
        ended = self._warm(*words, **{"cwd": self.place, **given}, memory_mb=memory_mb)
        told = f"{ended.err[-600:]} ({ended.peak_mb} MB, {ended.cpu_s:.1f} s of CPU)"
        assert not ended.killed, f"killed for {ended.killed}: {told}"
        assert "Traceback" not in ended.err
        assert b"Traceback (most recent" not in ended.out
        assert "bug in costaudit" not in ended.err
        assert ended.code in codes, f"exit {ended.code}: {told}"
        assert ended.cpu_s < cpu_s, told
        assert ended.peak_mb <= memory_mb, told
        return ended

    def analyzed(self, *logs: object, **given: Any) -> Report:
        """The report on logs; empty where nothing could be judged and `codes` has 2."""
        ended = self.run("analyze", *logs, "--format", "json", **given)
        return report_of(ended) if ended.code == 0 else {}

    def counted(
        self,
        *logs: object,
        requests: int | None = None,
        tokens: tuple[int, int] | None = None,
        skipped: Mapping[str, int] | None = None,
        records: int | None = None,
        **given: Any,
    ) -> Report:
        """The report on logs, after its figures were found to be these, and to add up."""
        report = self.analyzed(*logs, **given)
        inputs, spend, aside = report["inputs"], report["spend"], set_aside(report)
        if requests is not None:
            assert spend["requests"] == inputs["requests"] == requests, aside
        if skipped is not None:
            assert aside == skipped
        if records is not None:
            assert inputs["records"] == records
        adds_up(report)
        if tokens is not None:
            assert tokens_of(report) == tokens, aside
            if all(row["model"] in OURS for row in report["by_model"]):
                assert Decimal(spend["list_usd"]) == tokens[0] * INPUT_USD + tokens[1] * OUTPUT_USD
        return report

    def plain(self, *logs: object, requests: int, **given: Any) -> Report:
        """The same for requests of 10 and 1 tokens each."""
        return self.counted(*logs, requests=requests, tokens=(10 * requests, requests), **given)

    def refused(self, *logs: object, said: tuple[str, ...], **given: Any) -> Ended:
        """Exit 2, and one short line that says one of these words."""
        ended = self.run("analyze", *logs, codes=(2,), **given)
        assert ended.err.startswith("costaudit: ")
        assert ended.err.count("\n") <= 2
        assert any(word.lower() in ended.err.lower() for word in said), ended.err
        assert len(ended.err) < 2500
        return ended


def report_of(ended: Ended) -> Report:
    """What a command printed as JSON; NaN and infinities are none."""
    report: Report = json.loads(ended.out, parse_float=Decimal, parse_constant=_no_number)
    return report


def _no_number(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


def set_aside(report: Report) -> dict[str, int]:
    """Records that were skipped, by reason."""
    return {entry["reason"]: entry["count"] for entry in report["inputs"]["skipped"]}


def tokens_of(report: Report) -> tuple[int, int]:
    """Input, cached or not, and output."""
    tokens = report["spend"]["tokens"]
    return tokens["input"] + tokens["cache_read"], tokens["output"]


def accounted(report: Report) -> int:
    """Requests, duplicates, and what is told to be skipped or ignored."""
    inputs, aside = report["inputs"], set_aside(report)
    skipped = sum(count for reason, count in aside.items() if reason != "unreadable_file")
    count: int = inputs["requests"] + inputs["duplicates"] + skipped + inputs["ignored"]
    return count


def adds_up(report: Report) -> None:
    """Nothing is lost, and nothing is counted twice."""
    assert report["inputs"]["records"] == accounted(report), report["inputs"]
