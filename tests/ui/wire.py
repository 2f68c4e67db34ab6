"""Times and problems as the API has them on the wire."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

from starlette.responses import JSONResponse


def iso(ms: float) -> str:
    """RFC 3339 in UTC with milliseconds."""
    at = dt.datetime.fromtimestamp(int(ms) // 1000, tz=dt.UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{int(ms) % 1000:03d}Z"


def now_ms() -> int:
    """Wall clock in ms."""
    return time.time_ns() // 1_000_000


def ms_of(text: str) -> int:
    """RFC 3339 to ms."""
    return int(dt.datetime.fromisoformat(text).timestamp() * 1000)


def problem(status: int, code: str, detail: str, **more: Any) -> JSONResponse:
    """RFC 9457."""
    retry = more.pop("retry_after", None)
    body = {"type": "about:blank", "title": code, "status": status, "detail": detail, "code": code, **more}
    headers = {"Retry-After": str(retry)} if retry else None
    return JSONResponse(body, status, headers, media_type="application/problem+json")
