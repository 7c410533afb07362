"""A Hub on loopback: the part of its API that datasets and huggingface_hub ask for, over files."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Repository:
    """A dataset's files at every revision; its branches move."""

    revisions: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    gated: bool = False

    def commit(self, files: dict[str, bytes], branch: str = "main") -> str:
        """Adds a revision and moves a branch there; returns its commit."""
        digest = hashlib.sha1(f"{len(self.revisions)}".encode())
        for name, data in sorted(files.items()):
            digest.update(name.encode() + data)
        self.revisions[digest.hexdigest()] = files
        self.branches[branch] = digest.hexdigest()
        return digest.hexdigest()


@dataclass
class Hub:
    """What a test puts there, and what it was asked."""

    url: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    failing: dict[str, int] = field(default_factory=dict)
    """Paths, and how many more reads of them fail."""
    failing_status: dict[str, int] = field(default_factory=dict)
    """With which status, if not 500."""


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Says nothing: the hub keeps the requests."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.hub.requests.append((self.command, self.path))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        if parts[:2] == ["api", "datasets"] and len(parts) >= 4:
            self._api("/".join(parts[2:4]), parts[4:], body)
        elif parts[0] == "datasets" and parts[3:4] == ["resolve"]:
            self._file("/".join(parts[1:3]), parts[4], "/".join(parts[5:]))
        else:
            self._refuse(404, "EntryNotFound")

    def _revision(self, repository: str, revision: str) -> str | None:
        """The commit that is meant; answers for what there is not."""
        found = self.hub.repositories.get(repository)
        if found is None:
            self._refuse(401, "RepoNotFound", "Repository not found")
        elif found.gated:
            self._refuse(401, "GatedRepo", "Access to this dataset is restricted")
        elif (sha := found.branches.get(revision, revision)) not in found.revisions:
            self._refuse(404, "RevisionNotFound", "Invalid rev id")
        else:
            return sha
        return None

    def _api(self, repository: str, rest: list[str], body: bytes) -> None:
        if rest == ["refs"]:
            branches = self.hub.repositories[repository].branches.items()
            refs = [{"name": b, "ref": f"refs/heads/{b}", "targetCommit": c} for b, c in branches]
            self._json({"branches": refs, "converts": [], "tags": []}, "")
            return
        kind, revision, *below = rest or ["revision", "main"]
        sha = self._revision(repository, revision)
        if sha is None:
            return
        files = self.hub.repositories[repository].revisions[sha]
        if kind == "revision":
            siblings = [{"rfilename": name, "size": len(data)} for name, data in files.items()]
            found: Any = {
                "id": repository,
                "sha": sha,
                "siblings": siblings,
                "private": False,
                "gated": False,
                "disabled": False,
                "tags": [],
                "downloads": 0,
                "likes": 0,
            }
            self._json(found, sha)
        elif kind == "tree":
            recursive = parse_qs(urlsplit(self.path).query).get("recursive", ["false"])[0]
            self._json(_tree(files, "/".join(below), recursive.lower() in ("true", "1")), sha)
        elif kind == "paths-info":
            given = json.loads(body) if body.startswith(b"{") else parse_qs(body.decode())
            entries = {entry["path"]: entry for entry in _tree(files, "", True)}
            self._json([entries[path] for path in given["paths"] if path in entries], sha)
        else:
            self._refuse(404, "EntryNotFound")

    def _file(self, repository: str, revision: str, path: str) -> None:
        sha = self._revision(repository, revision)
        if sha is None:
            return
        data = self.hub.repositories[repository].revisions[sha].get(path)
        if data is None:
            self._refuse(404, "EntryNotFound", "Entry not found")
            return
        if self.command == "GET" and self.hub.failing.get(path, 0) > 0:
            self.hub.failing[path] -= 1
            self._refuse(self.hub.failing_status.get(path, 500), "", "the server is unwell")
            return
        start, stop, status = 0, len(data), 200
        if wanted := self.headers.get("Range"):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, stop, status = int(first), min(int(last or len(data)) + 1, len(data)), 206
        self.send_response(status)
        self.send_header("Content-Length", str(stop - start))
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", sha)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(data)}")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[start:stop])

    def _json(self, value: Any, sha: str) -> None:
        self._send(200, json.dumps(value).encode(), {"X-Repo-Commit": sha})

    def _refuse(self, status: int, code: str, message: str = "not found") -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": message} if code else {}
        self._send(status, json.dumps({"error": message}).encode(), headers)

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _tree(files: dict[str, bytes], below: str, recursive: bool) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    prefix = f"{below}/" if below else ""
    for name, data in sorted(files.items()):
        if not name.startswith(prefix):
            continue
        folders = name.removeprefix(prefix).split("/")[:-1]
        for depth in range(1, len(folders) + 1):
            path = prefix + "/".join(folders[:depth])
            oid = hashlib.sha1(path.encode()).hexdigest()
            if recursive or depth == 1:
                found[path] = {"type": "directory", "oid": oid, "size": 0, "path": path}
        if recursive or not folders:
            oid = hashlib.sha1(data).hexdigest()
            found[name] = {"type": "file", "oid": oid, "size": len(data), "path": name}
    return list(found.values())


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub that answers until the block ends."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
