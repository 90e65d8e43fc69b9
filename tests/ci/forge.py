"""The comments of a pull request, as GitHub's REST API has them, on an address of this machine."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.offline.sitecustomize import BAN

BOT = "github-actions[bot]"
TOKEN = "t0ken"  # noqa: S105 - opens nothing


class Forge:
    """What the API knows, and what was asked of it."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.pulls: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str]] = []
        self.refuses = 0
        """A status that every request is answered with."""
        self.url = ""

    def add(self, body: str, author: str = BOT) -> None:
        """Somebody comments."""
        self.comments.append({"id": len(self.comments) + 1, "body": body, "user": {"login": author}})

    def answer(self, method: str, path: str, body: Any, token: str) -> tuple[int, Any]:
        """Status and body of an answer."""
        self.asked.append((method, path))
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if self.refuses or token != f"Bearer {TOKEN}":
            return self.refuses or 401, {"message": "Resource not accessible by integration"}
        if method == "GET" and parts.path == "/repos/acme/bills/pulls":
            return 200, [p for p in self.pulls if p["head"]["label"] == query["head"]]
        if parts.path == "/repos/acme/bills/issues/7/comments":
            if method == "POST":
                self.add(body["body"])
                return 201, self.comments[-1]
            size, page = int(query["per_page"]), int(query["page"])
            return 200, self.comments[(page - 1) * size : page * size]
        match = re.fullmatch(r"/repos/acme/bills/issues/comments/(\d+)", parts.path)
        if method == "PATCH" and match:
            self.comments[int(match[1]) - 1]["body"] = body["body"]
            return 200, self.comments[int(match[1]) - 1]
        return 404, {"message": "Not Found"}


@contextmanager
def serve(forge: Forge) -> Iterator[Forge]:
    """Answer on an address of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            status, told = forge.answer(
                self.command, self.path, body, self.headers.get("Authorization") or ""
            )
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = _answer  # noqa: N815 - the names that http.server asks for

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with BAN.off():
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        forge.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield forge
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
