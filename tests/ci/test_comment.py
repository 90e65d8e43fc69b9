"""Comments on a pull request, against the API of a forge on this machine."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.ci.forge import TOKEN, Forge
from tests.conftest import ROOT

SPEC = importlib.util.spec_from_file_location("comment", ROOT / "ci" / "action" / "comment.py")
assert SPEC is not None
assert SPEC.loader is not None
COMMENT = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(COMMENT)

MARKER = "<!-- costaudit:pricing-diff -->"
PULL = {"pull_request": {"number": 7}}
RUN = {
    "event": "pull_request",
    "head_sha": "a" * 40,
    "head_branch": "patch/1&x",
    "head_repository": {"owner": {"login": "contributor"}},
    "pull_requests": [],
}
Post = Callable[..., str]


@pytest.fixture
def post(tmp_path: Path, forge: Forge, capsys: pytest.CaptureFixture[str]) -> Post:
    """Comment with one report; returns what was printed."""

    def post(
        text: str = f"{MARKER}\nnew\n", event: dict[str, Any] | None = None, found: Any = (1,), **environ: str
    ) -> str:
        folder = tmp_path / "reports"
        folder.mkdir(exist_ok=True)
        (folder / "pricing-diff.md").write_text(text, "utf-8")
        (folder / "pricing-diff.json").write_text(
            json.dumps({"exit_code": 0, "changes": list(found)}), "utf-8"
        )
        (tmp_path / "event.json").write_text(json.dumps(PULL if event is None else event), "utf-8")
        told = {
            "COMMENT_TOKEN": TOKEN,
            "GITHUB_API_URL": forge.url,
            "GITHUB_REPOSITORY": "acme/bills",
            "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
        }
        assert COMMENT.main([folder / "pricing-diff.md"], {**told, **environ}) == 0, (
            "a comment never fails a run"
        )
        return capsys.readouterr().out

    return post


def test_a_report_is_written_once_and_then_rewritten(post: Post, forge: Forge):
    assert post() == ""
    assert post() == ""
    post(f"{MARKER}\nnewer\n")
    assert [c["body"] for c in forge.comments] == [f"{MARKER}\nnewer\n"]
    assert [method for method, _ in forge.asked if method != "GET"] == ["POST", "PATCH"]


def test_a_report_without_a_finding_begins_no_comment_and_rewrites_one(post: Post, forge: Forge):
    post(found=())
    assert forge.comments == []
    forge.add(f"{MARKER}\nred")
    post(f"{MARKER}\ngreen\n", found=())
    assert [c["body"] for c in forge.comments] == [f"{MARKER}\ngreen\n"]


def test_a_comment_is_found_on_a_later_page(post: Post, forge: Forge):
    for n in range(100):
        forge.add(f"comment {n}", author="somebody")
    forge.add(f"{MARKER}\nold")
    post()
    assert len(forge.comments) == 101
    assert forge.comments[100]["body"] == f"{MARKER}\nnew\n"


def test_the_comment_of_somebody_who_quotes_the_marker_is_left_alone(post: Post, forge: Forge):
    forge.add(f"{MARKER}\nI quote", author="somebody")
    post()
    assert [c["body"] for c in forge.comments] == [f"{MARKER}\nI quote", f"{MARKER}\nnew\n"]


def test_a_report_that_a_forge_would_refuse_is_not_sent(post: Post, forge: Forge):
    post(f"{MARKER}\n{'x' * 65_536}")
    assert forge.comments == []


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "::notice title=costaudit::no comment: the token may not comment (401)"),
        (403, "::notice title=costaudit::no comment: the token may not comment (403)"),
        (404, "::notice title=costaudit::no comment: the token may not comment (404)"),
        (502, "::warning title=costaudit::no comment: GitHub answered 502"),
    ],
)
def test_a_forge_that_refuses_is_said(post: Post, forge: Forge, status: int, said: str):
    forge.refuses = status
    assert post().strip() == said


def test_a_forge_that_is_not_there_is_said(post: Post):
    told = post(GITHUB_API_URL="http://127.0.0.1:1")
    assert told.startswith("::warning title=costaudit::no comment: GitHub cannot be reached")


@pytest.mark.parametrize("event", [{}, {"before": "x"}, {"workflow_run": {**RUN, "event": "push"}}])
def test_a_run_of_no_pull_request_is_left_at_that(post: Post, forge: Forge, event: dict[str, Any]):
    assert "no comment: this run is of no pull request" in post(event=event)
    assert forge.asked == []


def test_without_a_token_nothing_is_asked(post: Post, forge: Forge):
    assert "there is no token to comment with" in post(COMMENT_TOKEN="")
    assert forge.asked == []


def test_the_pull_request_of_a_fork_is_found_by_its_branch(post: Post, forge: Forge):
    forge.pulls = [{"number": 7, "head": {"label": "contributor:patch/1&x", "sha": "a" * 40}}]
    post(event={"workflow_run": RUN})
    assert len(forge.comments) == 1


def test_a_pull_request_that_has_moved_on_gets_no_comment(post: Post, forge: Forge):
    forge.pulls = [{"number": 7, "head": {"label": "contributor:patch/1&x", "sha": "f" * 40}}]
    assert "this run is of no pull request" in post(event={"workflow_run": RUN})
    assert forge.comments == []
