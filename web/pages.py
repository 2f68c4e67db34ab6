"""The built page: files of web/static, and index.html for every address of the page, so that reload changes nothing.

Public: it holds nothing but code. What the page shows comes from /api.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from vms.errors import NotFoundError
from web.deps import PartsOf

router = APIRouter(include_in_schema=False)

_NOT_BUILT = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>VMS</title>"
    "<p>The page is not built yet: run <code>make ui</code> in the project's folder, then reload. "
    "The API works: <code>/api/openapi.json</code>.</p></html>\n"
)
_IMMUTABLE = "public, max-age=31536000, immutable"
_REVALIDATE = "no-cache"


def find_file(static_dir: Path, path: str) -> Path | None:
    """The file an address means: itself, or index.html for an address of the page; None where there is none. Nothing
    outside the folder, whatever the path says. Blocks on the file system for microseconds."""
    if "\0" in path or "\\" in path:
        return None
    root = static_dir.resolve()
    last = path.rpartition("/")[2]
    candidate = root / path if path and "." in last else root / "index.html"
    try:
        found = candidate.resolve()
        return found if found.is_relative_to(root) and found.is_file() else None
    except (OSError, ValueError, RuntimeError):
        return None


class _WholeFile(FileResponse):
    """A file that is always sent whole (RFC 9110 §14.2 lets a server ignore Range): nobody resumes a page."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        headers = [(name, value) for name, value in scope["headers"] if name != b"range"]
        await super().__call__({**scope, "headers": headers}, receive, send)


@router.api_route("/{path:path}", methods=["GET", "HEAD"], response_class=Response)
async def get_page(path: str, parts: PartsOf) -> Response:
    """A file of the page. Names under assets/ hold their own hash and never change."""
    if path == "api" or path.startswith("api/"):
        raise NotFoundError("There is nothing at this address.")
    static_dir = parts.options.static_dir
    found = await asyncio.to_thread(find_file, static_dir, path)
    if found is None:
        if "." in path.rpartition("/")[2]:
            raise NotFoundError("There is nothing at this address.")
        return HTMLResponse(_NOT_BUILT, headers={"Cache-Control": _REVALIDATE})
    hashed = found.parent.name == "assets"
    return _WholeFile(found, headers={"Cache-Control": _IMMUTABLE if hashed else _REVALIDATE})
