"""Structured logs, one line of JSON (or of colour on a terminal) each, with every secret taken out on the way.

`redact` is also what errors and the API use before they show text that libav or a camera wrote.
"""

from __future__ import annotations

import logging
import re
import sys
import urllib.parse
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, TextIO, cast

import structlog

HIDDEN = "***"
# Each reads a text once, whatever is in it. A URL goes up to the last @ of its word, since people paste passwords with
# / ? # @ in them; that of a camera up to the last @ before the next URL of the line, since they paste spaces too.
_URL = re.compile(r"://[^\s<>]+")
_CAMERA_URL = re.compile(r"(?i:rtsps?)://(?:(?!://)[^\r\n])+")
_ASSIGNED = re.compile(
    r"(?i)(?P<name>(?:(?<![a-z])pass|passw(?:or)?d|pwd|secret(?:_key)?|token|authorization|cookie|api[_-]?key)[\"']?\s*[=:]\s*)"
    r"(?P<value>\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|(?:basic|digest|bearer)\s+[^\r\n]*|[^\s&,;]+)"
)
_SECRET_KEYS = re.compile(
    r"(?i)(?:^|[_-])(?:pass|pwd)(?:$|[_-])|passw(?:or)?d|secret|token|authorization|cookie|credential"
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without user names and passwords of URLs, `password=…` values, and any of `secrets` themselves, as they
    are or percent-encoded."""
    for secret in secrets:
        for form in {secret, urllib.parse.quote(secret), urllib.parse.quote(secret, safe="")} - {""}:
            text = text.replace(form, HIDDEN)
    for url in (_URL, _CAMERA_URL):
        text = url.sub(_without_userinfo, text)
    return _ASSIGNED.sub(rf"\g<name>{HIDDEN}", text)


def _without_userinfo(found: re.Match[str]) -> str:
    scheme, _, rest = found[0].partition("://")
    _, at, place = rest.rpartition("@")
    return f"{scheme}://{HIDDEN}@{place}" if at else found[0]


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {k: HIDDEN if _SECRET_KEYS.search(str(k)) else _clean(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(v) for v in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else str(value))


def redact_event(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor: redact every value, hide whole values under names that mean a secret."""
    for key, value in event.items():
        if not key.startswith("_"):  # structlog's own, taken out before the line is written
            event[key] = HIDDEN if _SECRET_KEYS.search(key) else _clean(value)
    return event


class _Stderr:
    """The process's stderr as it is at each write: who kept a logger must not write to one that was closed since."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def configure(level: str = "INFO", *, json: bool | None = None) -> None:
    """Set up logs of the process on stderr: JSON, or coloured lines where stderr is a terminal."""
    as_json = not sys.stderr.isatty() if json is None else json
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact_event,
    ]
    last: Any = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Stderr())),
        cache_logger_on_first_use=True,
    )
    _route_stdlib(number, shared, last)


def _route_stdlib(number: int, shared: list[Any], last: Any) -> None:
    handler = logging.StreamHandler(cast("TextIO", _Stderr()))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last]
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(number, logging.WARNING))


def get(name: str) -> structlog.typing.FilteringBoundLogger:
    """The logger of one module, with its name bound."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(module=name)
    return logger


class Throttle:
    """Says at most once in `every_ns` whether to log, and how often it was silent before."""

    def __init__(self, every_ns: int = 1_000_000_000) -> None:
        self._every_ns = every_ns
        self._last_ns: int | None = None
        self._silent = 0

    def admit(self, mono_ns: int) -> int | None:
        """The number of lines suppressed since the last admitted one, or None to stay silent."""
        if self._last_ns is not None and mono_ns - self._last_ns < self._every_ns:
            self._silent += 1
            return None
        self._last_ns, silent, self._silent = mono_ns, self._silent, 0
        return silent
