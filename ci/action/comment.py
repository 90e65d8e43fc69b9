"""Keeps one comment per report on a pull request: written once, rewritten by later runs.

    python3 comment.py REPORT_DIR NAME…

A report is REPORT_DIR/NAME.md; others in that folder may be anybody's. It begins with a hidden marker, by
which its comment is found again. A report that has nothing to say begins no comment, but turns the one that
is there green. Comments of other authors are never touched. Where there is no pull request, or the token
may not comment (as on a pull request from a fork), nothing is done: the summary of the job has the reports.
Needs only the standard library.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

LONGEST = 65_536
"""Characters that GitHub takes in a comment."""
BOT = "github-actions[bot]"
"""Who the token of a job is."""


def main(reports: Sequence[Path], environ: dict[str, str]) -> int:
    """Write reports to the pull request of the event; returns the exit code."""
    if not environ.get("COMMENT_TOKEN", "").strip():
        return _skip("there is no token to comment with")
    api = Api(environ)
    try:
        number = find_pull_request(_event(environ), api)
        if number is None:
            return _skip("this run is of no pull request")
        told = list(api.comments(number))
        for report in filter(Path.is_file, reports):
            text = report.read_text("utf-8")
            old = find_comment(told, text.partition("\n")[0])
            if len(text) >= LONGEST or (old is None and not has_something_to_say(report)):
                continue
            if old is None:
                api.send("POST", f"issues/{number}/comments", {"body": text})
            elif old["body"] != text:
                api.send("PATCH", f"issues/comments/{old['id']}", {"body": text})
    except urllib.error.HTTPError as error:
        if error.code in (401, 403, 404):
            return _skip(f"the token may not comment ({error.code})")
        return _skip(f"GitHub answered {error.code}", "warning")
    except (urllib.error.URLError, TimeoutError) as error:
        return _skip(f"GitHub cannot be reached: {error}", "warning")
    return 0


class Api:
    """The part of the REST API that is needed, for one repository."""

    def __init__(self, environ: dict[str, str]) -> None:
        self._root = environ.get("GITHUB_API_URL", "https://api.github.com")
        self._repository = environ.get("GITHUB_REPOSITORY", "")
        self._token = environ["COMMENT_TOKEN"].strip()

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """One request; raises urllib.error.HTTPError when it is refused."""
        request = urllib.request.Request(  # noqa: S310 - the address of the forge is the runner's
            f"{self._root}/repos/{self._repository}/{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={
                "Authorization": f"Bearer {self._token}",
                "Accept": "application/vnd.github+json",
                "Content-Type": "application/json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
            return json.load(answer)

    def comments(self, number: int) -> Iterator[dict[str, Any]]:
        """Every comment of a pull request, oldest first."""
        for page in range(1, 101):
            found = self.send("GET", f"issues/{number}/comments?per_page=100&page={page}")
            yield from found
            if len(found) < 100:
                return


def find_pull_request(event: dict[str, Any], api: Api) -> int | None:
    """The pull request that an event is about.

    A run that was started by another run (workflow_run) is told of no pull request when that was of a fork;
    it is then asked for by the branch, and must still stand at the commit that was checked.
    """
    if "pull_request" in event:
        return int(event["pull_request"]["number"])
    run = event.get("workflow_run")
    if run is None or run.get("event") != "pull_request":
        return None
    branch = f"{run['head_repository']['owner']['login']}:{run['head_branch']}"
    found = api.send("GET", f"pulls?state=open&head={urllib.parse.quote(branch, safe='')}")
    return next((int(pull["number"]) for pull in found if pull["head"]["sha"] == run["head_sha"]), None)


def find_comment(comments: list[dict[str, Any]], marker: str) -> dict[str, Any] | None:
    """Our comment with a marker: others may quote the marker, and theirs are not ours to edit."""
    return next(
        (c for c in comments if c["user"]["login"] == BOT and c["body"].partition("\n")[0].strip() == marker),
        None,
    )


def has_something_to_say(report: Path) -> bool:
    """Whether anything was found, or changes."""
    try:
        told = json.loads(report.with_suffix(".json").read_text("utf-8"))
    except (OSError, ValueError):
        return True
    return bool(told.get("exit_code") or told.get("violations") or told.get("changes"))


def _event(environ: dict[str, str]) -> dict[str, Any]:
    path = environ.get("GITHUB_EVENT_PATH")
    event: dict[str, Any] = json.loads(Path(path).read_text("utf-8")) if path else {}
    return event


def _skip(why: str, kind: str = "notice") -> int:
    print(f"::{kind} title=costaudit::no comment: {why}")
    return 0


if __name__ == "__main__":
    sys.exit(main([Path(sys.argv[1], f"{name}.md") for name in sys.argv[2:]], dict(os.environ)))
