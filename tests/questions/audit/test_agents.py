"""What coding agents cost, from made homes and by hand; and real sessions against a sum of their lines.

Claude Sonnet 4.5, per 1M tokens: 3 in, 15 out, 0.30 read from a cache, 3.75 and 6 written to one for 5
minutes and for an hour. GPT-5.2-Codex: 1.75 in, 14 out, 0.175 read.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import costaudit
from costaudit.front.agents import found_agents
from costaudit.front.telling import Notes, heard_by
from costaudit.ingest.agents.places import VARIABLES, Surroundings
from costaudit.questions.audit.agents.result import AgentSpend
from tests.ingest.adapters.test_codex import counted, meta, turn, usage

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/agents.md").read_text("utf-8")
Run = Callable[..., Any]
Line = Mapping[str, Any]

SONNET = "claude-sonnet-4-5-20250929"


def said(
    ident: str, tokens: Mapping[str, int], *, cwd: str = "/home/dev/shop", session: str = "s-1", **fields: Any
) -> Line:
    """An answer in a transcript of Claude Code; its prompt must not get anywhere."""
    split = {f"ephemeral_{name}_input_tokens": tokens.get(name, 0) for name in ("5m", "1h")}
    counts = {
        "input_tokens": tokens.get("input", 0),
        "cache_read_input_tokens": tokens.get("read", 0),
        "cache_creation_input_tokens": sum(split.values()),
        "cache_creation": split,
        "output_tokens": tokens.get("output", 0),
    }
    message = {
        "id": ident, "type": "message", "role": "assistant", "model": SONNET, "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "SECRET answer"}], "usage": counts,
    }  # fmt: skip
    return {
        "type": "assistant", "uuid": ident, "parentUuid": "u", "sessionId": session, "cwd": cwd,
        "timestamp": "2026-10-05T09:16:50Z", "message": message, **fields,
    }  # fmt: skip


def write(home: Path, name: str, *lines: Line) -> None:
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


MAIN = said("msg_1", {"input": 1000, "read": 10_000, "5m": 2000, "1h": 1000, "output": 100})
"""0.003 + 0.003 + 0.0075 + 0.006 + 0.0015 = $0.021."""
INSIDE = said("msg_2", {"input": 100, "output": 100}, agentId="a1", timestamp="2026-10-05T09:20:00Z")
"""0.0003 + 0.0015 = $0.0018, of a sub-agent."""
TITLE = {"type": "summary", "summary": "SECRET title", "leafUuid": "u-1"}
ASKED = {"type": "user", "sessionId": "s-1", "uuid": "u", "message": {"role": "user", "content": "SECRET"}}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a session of Claude Code, which has a sub-agent and was resumed, and one of Codex."""
    home = tmp_path / "home"
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(tmp_path)
    shop = ".claude/projects/-home-dev-shop"
    write(home, f"{shop}/s-1.jsonl", TITLE, ASKED, MAIN)
    write(home, f"{shop}/s-1/subagents/agent-a1.jsonl", INSIDE)
    resumed = said("msg_3", {"input": 1000}, session="s-2", timestamp="2026-10-06T10:00:00Z")
    write(home, f"{shop}/s-2.jsonl", dict(MAIN) | {"sessionId": "s-2"}, resumed)
    event = counted(usage(4000, 2000, answered=100), usage(4000, 2000, answered=100))
    write(home, ".codex/sessions/2026/10/05/rollout-1.jsonl", meta("c-1"), turn("gpt-5.2-codex"), event)
    return home


def spend(**options: Any) -> AgentSpend:
    found = costaudit.audit(agents=True, quiet=True, **options).report.agents
    assert found is not None
    return found


def money(rows: list[Any], name: str) -> dict[Any, str]:
    return {getattr(row, name): f"{row.list_usd.normalize():f}" for row in rows}


SHOP, CODEX = Decimal("0.0258"), Decimal("0.00525")
"""0.021 + 0.0018 + 0.003; and (2000 × 1.75 + 2000 × 0.175 + 100 × 14) / 1M."""


def test_cost_by_agent_project_session_day_and_model(home: Path):
    found = spend()
    assert (found.total.requests, found.total.list_usd) == (4, SHOP + CODEX)
    assert money(found.by_agent, "agent") == {"claude-code": "0.0258", "codex": "0.00525"}
    assert money(found.by_project, "project") == {"shop": "0.03105"}  # both work in a folder of that name
    assert money(found.by_day, "date") == {"2026-10-05": "0.02805", "2026-10-06": "0.003"}
    assert money(found.by_model, "model") == {
        f"anthropic/{SONNET}": "0.0258",
        "openai/gpt-5.2-codex": "0.00525",
    }
    assert money(found.by_session, "session") == {"s-1": "0.0228", "c-1": "0.00525", "s-2": "0.003"}
    assert (found.sessions, found.within_provider) == (3, True)


def test_each_call_counts_once_however_many_sessions_hold_it(home: Path):
    found = costaudit.audit(agents=True, quiet=True).report
    assert (found.inputs.requests, found.inputs.duplicates) == (4, 1)
    assert found.spend.list_usd == SHOP + CODEX


def test_subagents_are_in_every_sum_and_told_as_such(home: Path):
    found = spend()
    assert (found.total.subagent_requests, found.total.subagent_usd) == (1, Decimal("0.0018"))
    (session,) = (row for row in found.by_session if row.subagent_requests)
    (project,) = found.by_project
    assert (session.session, session.agent, session.project) == ("s-1", "claude-code", "shop")
    assert (session.subagent_usd, project.subagent_usd) == (Decimal("0.0018"), Decimal("0.0018"))


def test_what_caches_cost_and_save(home: Path):
    """Of Claude: 10,000 read at 0.30 instead of 3; 2,000 and 1,000 written at 3.75 and 6 instead of 3. Of
    Codex: 2,000 read at 0.175 instead of 1.75."""
    cache = spend().cache
    assert (cache.read_tokens, cache.read_usd) == (12_000, Decimal("0.00335"))
    assert (cache.read_as_input_usd, cache.saved_usd) == (Decimal("0.0335"), Decimal("0.03015"))
    assert (cache.write_5m_usd, cache.write_1h_usd) == (Decimal("0.0075"), Decimal("0.006"))
    assert cache.write_as_input_usd == Decimal("0.009")
    assert cache.net_usd == Decimal("0.03015") - Decimal("0.0045")


def test_the_first_screen_says_what_kind_of_price_it_is(run: Run, home: Path):
    told = run("analyze", "--agents", columns=100)
    assert told.code == 0, told.err
    first = " ".join(told.out.split("By project")[0].split())
    for words in (
        "$0.03105 at list price", "Where a flat rate is paid", "are not what was paid",
        "stays with the provider of each request", "policy same-provider", "Caches saved",
    ):  # fmt: skip
        assert words in first, words
    assert "billed," not in first


@pytest.mark.parametrize("format_", ["text", "json", "csv", "markdown"])
@pytest.mark.parametrize("command", ["analyze", "simulate"])
def test_no_text_and_no_title_gets_into_an_answer(run: Run, home: Path, command: str, format_: str):
    told = run(command, "--agents", "--format", format_)
    assert told.code == 0, told.err
    assert "shop" in told.out
    assert "SECRET" not in told.out + told.err
    assert str(home) not in told.out + told.err  # the home is ~


def test_moves_stay_with_the_provider_unless_another_policy_is_asked_for(run: Run, home: Path):
    """Claude stays Claude; under the default policy, which is asked for, it does not have to."""
    moved = json.loads(run("simulate", "--agents", "--format", "json").out)
    assert moved["projection"]["policy"] == "same-provider"
    assert moved["agents"]["within_provider"] is True
    asked = json.loads(run("analyze", "--agents", "--policy", "default", "--format", "json").out)
    assert (asked["projection"]["policy"], asked["agents"]["within_provider"]) == ("default", False)


def test_every_section_of_the_table_adds_up(run: Run, home: Path):
    rows = list(csv.DictReader(io.StringIO(run("analyze", "--agents", "--format", "csv").out, newline="")))
    for section in ("by_agent", "by_project", "by_session", "by_day", "by_model"):
        some = [row for row in rows if row["section"] == f"agents_{section}"]
        assert sum(Decimal(row["list_usd"]) for row in some) == SHOP + CODEX, section
        assert sum(int(row["requests"]) for row in some) == 4


def test_costs_that_are_not_exact_are_marked(run: Run, home: Path):
    partial = said("msg_7", {"input": 1000}, session="s-7", cwd="/home/dev/docs")
    partial = {**partial, "message": {**partial["message"], "stop_reason": None}}
    write(home, ".claude/projects/-home-dev-docs/s-7.jsonl", partial)
    found = spend()
    inexact = {row.project: row.inexact_requests for row in found.by_project}
    assert (inexact, found.total.inexact_requests) == ({"shop": 0, "docs": 1}, 1)
    projects = run("analyze", "--agents", columns=80).out.split("By project")[1].split("By session")[0]
    assert [line.split()[-1] for line in projects.splitlines()[3:5]] == ["$0.03105", "~$0.003"]
    assert "~ not exact: the log does not state all tokens of 1 request exactly." in projects


def test_logs_that_are_named_are_read_too_and_are_no_agents(run: Run, home: Path, tmp_path: Path):
    record = {"provider": "openai", "model": "gpt-4o", "timestamp": "2026-10-05T10:00:00Z",
              "input_tokens": 1000, "output_tokens": 100}  # fmt: skip
    write(tmp_path, "own.jsonl", record)
    told = json.loads(run("analyze", tmp_path / "own.jsonl", "--agents", "--format", "json").out)
    assert (told["spend"]["requests"], told["agents"]["total"]["requests"]) == (5, 4)
    assert Decimal(told["spend"]["list_usd"]) == SHOP + CODEX + Decimal("0.0035")


def test_logs_that_are_named_and_found_are_read_once(run: Run, home: Path):
    told = run("analyze", home / ".codex", home / ".claude/projects", "--agents", "--format", "json")
    assert (told.code, told.err) == (0, "")
    report = json.loads(told.out)
    assert (report["inputs"]["files"], report["agents"]["total"]["requests"]) == (4, 4)


def test_one_agent_may_be_named(run: Run, home: Path):
    for words in (["--agent", "codex"], ["--agents", "--agent", "codex"], ["--agent", "codex,gemini-cli"]):
        told = json.loads(run("analyze", *words, "--format", "json").out)
        assert [row["agent"] for row in told["agents"]["by_agent"]] == ["codex"]
    wrong = run("analyze", "--agent", "codx")
    assert (wrong.code, "did you mean 'codex'?" in wrong.err) == (2, True)
    assert costaudit.audit(agents="codex", quiet=True).report.spend.requests == 1


def test_without_logs_it_says_where_it_looked(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(home / "nobody"))
    told = run("analyze", "--agents")
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith(
        "costaudit: no logs of coding agents were found (looked in ~/.claude/projects, "
    )
    for place in ("~/.codex/sessions", "~/.gemini/tmp", "~/.local/share/opencode", "~/.config/Cursor/User"):
        assert place in told.err
    assert run("analyze").err.startswith("costaudit: no log is named")


def test_a_folder_that_cannot_be_read_is_told(home: Path, monkeypatch: pytest.MonkeyPatch):
    scan = os.scandir

    def refuse(path: str) -> Any:
        if str(path).endswith(".claude/projects"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    notes = Notes()
    with heard_by(notes):
        found = found_agents(Surroundings(home, {}, "linux"))
    assert notes.lines == ["left out: ~/.claude/projects: cannot be read: Permission denied"]
    assert [(one.folder, one.state) for one in found.places] == [
        ("~/.claude/projects", "unreadable"), ("~/.codex/sessions", "read"),
    ]  # fmt: skip


def test_two_projects_of_one_name_are_two(home: Path):
    other = said("msg_8", {"input": 1000}, cwd="/work/shop", session="s-3")
    below = said("msg_9", {"input": 1000}, cwd="/work/shop/docs", session="s-3")
    write(home, ".claude/projects/-work-shop/s-3.jsonl", other, below)
    assert money(spend().by_project, "project") == {
        "-home-dev-shop": "0.0258", "-work-shop": "0.006", "shop": "0.00525",
    }  # fmt: skip


def test_a_subagent_of_gemini_cli_belongs_to_the_session_that_called_it(home: Path):
    def session(ident: str, **head: Any) -> list[Line]:
        tokens = {"input": 1000, "output": 100, "cached": 0, "thoughts": 0, "tool": 0, "total": 1100}
        answer = {"id": f"m-{ident}", "timestamp": "2026-10-05T10:00:00Z", "type": "gemini", "content": "…",
                  "model": "gemini-2.5-pro", "tokens": tokens}  # fmt: skip
        return [{"sessionId": ident, "projectHash": "h", "startTime": "2026-10-05T10:00:00Z", **head}, answer]

    chats = ".gemini/tmp/shop/chats"
    write(home, f"{chats}/session-2026-10-05T10-00-g1.jsonl", *session("g-1", kind="main"))
    write(home, f"{chats}/g-1/g-2.jsonl", *session("g-2", kind="subagent"))
    (row,) = (row for row in spend().by_session if row.agent == "gemini-cli")
    assert (row.session, row.requests, row.subagent_requests, row.project) == ("g-1", 2, 1, "shop")
    assert row.list_usd == Decimal("0.0045")  # 2 × (1000 × 1.25 + 100 × 10) / 1M


# Real sessions, added up by another program: largest counts of a message id, times the price of its model

PRICES = {
    "claude-opus-4-5-20251101": (5, 25, 0.5, 6.25, 10),
    "claude-opus-4-6": (5, 25, 0.5, 6.25, 10),
    "claude-sonnet-4-5-20250929": (3, 15, 0.3, 3.75, 6),
    "claude-haiku-4-5-20251001": (1, 5, 0.1, 1.25, 2),
}
"""Per 1M tokens in, out, read from a cache, and written to it for 5 minutes and for an hour."""


def summed(paths: list[Path]) -> tuple[int, Decimal]:
    """Calls and dollars of transcripts, from their lines."""
    calls: dict[str, tuple[str, list[int]]] = {}
    for path in paths:
        for text in gzip.decompress(path.read_bytes()).splitlines():
            line = json.loads(text)
            line = line["data"].get("message", {}) if line.get("type") == "progress" else line
            message = line.get("message") if line.get("type") == "assistant" else None
            if not message or message.get("model") not in PRICES or "usage" not in message:
                continue
            used, split = message["usage"], message["usage"].get("cache_creation") or {}
            hour = split.get("ephemeral_1h_input_tokens", 0)
            written = used.get("cache_creation_input_tokens", 0)
            counts = [used["input_tokens"], used["output_tokens"], used.get("cache_read_input_tokens", 0),
                      written - hour, hour]  # fmt: skip
            _, before = calls.get(message["id"], ("", [0] * 5))
            calls[message["id"]] = (
                message["model"],
                [max(pair) for pair in zip(before, counts, strict=True)],
            )
    pairs = (pair for model, counts in calls.values() for pair in zip(counts, PRICES[model], strict=True))
    costs = (tokens * Decimal(str(price)) for tokens, price in pairs)
    return len(calls), sum(costs, Decimal(0)) / 10**6


def test_real_sessions_cost_what_another_sum_says(home: Path, shared_data: Path):
    paths = sorted((shared_data / "logs/claude_code/sessions").glob("*.jsonl.gz"))[:20]
    for path in paths:
        link = home / ".claude/projects/-real" / path.name
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(path)
    found = spend()
    (real,) = (row for row in found.by_project if row.project != "shop")
    assert real.unpriced_requests == 0
    assert (real.requests, real.list_usd) == summed(paths)
    sessions = [row for row in found.by_session if row.project == real.project]
    assert sum(row.list_usd or 0 for row in sessions) == real.list_usd


def test_the_example_of_the_docs(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(ROOT / "docs/examples/home"))
    (block,) = re.findall(
        r"```console\n\$ HOME=\S+ costaudit analyze --agents\n(.*?)\n\.\.\.\n```", PAGE, re.DOTALL
    )
    told = "\n".join(line.rstrip() for line in run("analyze", "--agents", columns=80).out.splitlines())
    assert told.startswith(block)
