"""An S3 server that lies, fails and dawdles on command: a thread of http.server, enough for one object."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from vms.objects.s3 import S3Options

_ERROR = "<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>"


class LyingServer(ThreadingHTTPServer):
    """`fault` says what is wrong: `status:<n>:<code>`, `etag`, `size`, `html`, `cut`, `drip`, `slow`, `encrypted`,
    `encrypted-lost`, `unversioned`; with `once:` before it, the first time only."""

    daemon_threads = True

    def __init__(self, fault: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fault = fault
        self.requests: list[str] = []
        self.body = b""
        self.meta: dict[str, str] = {}

    def options(self) -> S3Options:
        """How to reach it; very impatient."""
        port = self.server_address[1]
        return S3Options(f"http://127.0.0.1:{port}", "vms-bucket", "key", "secret", connect_s=2, read_s=0.3, retries=1)


@contextmanager
def lying_server(fault: str) -> Iterator[LyingServer]:
    """Serve until the block ends."""
    server = LyingServer(fault)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: LyingServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the parent's name for it
        """Silent."""

    def do_PUT(self) -> None:
        """Store the one object."""
        body = self._body(int(self.headers.get("Content-Length", 0)))
        if self._failed("PUT"):
            return
        self.server.body = body
        self.server.meta = {k: v for k, v in self.headers.items() if k.lower().startswith("x-amz-meta-")}
        etag = hashlib.md5(body if self.server.fault != "etag" else b"other").hexdigest()
        headers = {"ETag": f'"{etag}"'}
        if self.server.fault.startswith("encrypted"):
            headers = {"ETag": f'"{"0" * 32}"', "x-amz-server-side-encryption": "aws:kms"}
        self._answer(200, b"", headers)

    def do_HEAD(self) -> None:
        """What it claims to hold."""
        if self._failed("HEAD"):
            return
        size = len(self.server.body) - (1 if self.server.fault == "size" else 0)
        self._answer(200, None, {**self.server.meta, "Content-Length": str(size)})

    def do_GET(self) -> None:
        """The object, or an empty listing of versions."""
        if self._failed("GET"):
            return
        if "versions" in self.path and self.server.fault == "unversioned":
            body = _ERROR.format(code="NotImplemented").encode()
            self._answer(501, body, {"Content-Type": "application/xml"})
            return
        if "versions" in self.path:
            self._answer(200, b"<ListVersionsResult></ListVersionsResult>", {"Content-Type": "application/xml"})
            return
        body = self.server.body if self.server.fault != "encrypted-lost" else b"something else"
        if self.server.fault == "drip":
            self._drip()
            return
        self._answer(200, body, {})

    def do_DELETE(self) -> None:
        """Fine."""
        self.server.requests.append("DELETE")
        self._answer(204, b"", {})

    def _body(self, size: int) -> bytes:
        if self.server.fault != "slow":
            return self.rfile.read(size)
        read = b""
        while len(read) < size:
            read += self.rfile.read(min(1 << 18, size - len(read)))
            time.sleep(0.02)
        return read

    def _failed(self, method: str) -> bool:
        self.server.requests.append(method)
        kind, *rest = self.server.fault.split(":")
        if kind == "once":
            self.server.fault = "none"
            kind, *rest = rest
        if kind == "status":
            body = _ERROR.format(code=rest[1]).encode()
            self._answer(int(rest[0]), None if method == "HEAD" else body, {"Content-Type": "application/xml"})
        elif kind == "html":
            self._answer(200 if method == "HEAD" else 403, b"<html>proxy</html>", {"Content-Type": "text/html"})
        elif kind == "cut":
            self.connection.close()
            self.close_connection = True
        else:
            return False
        return True

    def _answer(self, status: int, body: bytes | None, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        if body:
            self.wfile.write(body)

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        for _ in range(100):
            try:
                self.wfile.write(b"x")
                self.wfile.flush()
            except OSError:
                break
            time.sleep(0.02)
        self.close_connection = True
