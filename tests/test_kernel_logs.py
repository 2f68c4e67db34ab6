"""vms.logs: no secret reaches a line, and floods are thinned."""

from __future__ import annotations

import json
import logging
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from vms import logs
from vms.logs import HIDDEN, Throttle, redact, redact_event

# What people choose: anything that can be typed, at least so long that it cannot stand in the rest by chance.
PASSWORDS = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="<>"), min_size=8).filter(
    lambda text: not text.isspace() and not any(c.isspace() for c in text)
)


@given(PASSWORDS)
def test_a_url_shows_no_password_however_odd(password: str) -> None:
    """Raw as a person pastes it, with / ? # @ : in it, or percent-encoded: user and password never show."""
    for written in (password, urllib.parse.quote(password, safe="")):
        shown = redact(f"cannot open rtsp://viewer01:{written}@10.20.30.40:554/live/main: timed out")
        assert written not in shown
        assert "viewer01" not in shown
        assert shown.startswith("cannot open rtsp://***@10.20.30.40:554/live/main")


@given(PASSWORDS, PASSWORDS)
def test_a_known_secret_shows_nowhere(secret: str, other: str) -> None:
    """Given as a secret, it is taken out of any text, also where it is percent-encoded."""
    encoded = urllib.parse.quote(secret, safe="")
    shown = redact(f"x {secret} y {encoded} z", secrets=(secret, ""))
    assert shown.count(HIDDEN) >= 2
    assert shown.startswith("x ")
    assert shown.endswith(" z")
    assert redact(f"x {other} y", secrets=()).startswith("x ")


@pytest.mark.parametrize(
    ("text", "leak"),
    [
        ("rtsp://admin:two words@10.0.0.1/main refused", "words"),
        ("RTSP://admin:pa ss@10.0.0.1/main refused", "ss@"),
        ("rtsp://a:first1@h1/x then rtsp://b:second2@h2/y", "first1"),
        ("rtsp://a:first1@h1/x then rtsp://b:second2@h2/y", "second2"),
        ("http://user:p/q?r#s@host/path", "p/q"),
        ('{"password": "se\\"cret99"}', "cret99"),
        ("{'camera_password': 'secret99'}", "secret99"),
        ("password=secret99&x=1", "secret99"),
        ('Authorization: Digest username="a", response="0123abcd"', "0123abcd"),
        ("authorization: Basic YWRtaW46c2VjcmV0", "YWRtaW46"),
        ("VMS_ADMIN_PASSWORD=secret99", "secret99"),
        ("secret_key: secret99", "secret99"),
        ("Cookie: vms_session=secret99", "secret99"),
        ("api-key=1; token=secret99", "secret99"),
    ],
)
def test_what_assigns_a_secret_is_hidden(text: str, leak: str) -> None:
    """Queries, headers, JSON, reprs and environment lines lose the value and keep the name."""
    assert leak not in redact(text)
    assert HIDDEN in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://10.0.0.1:554/live/main: connection refused",
        "GET http://host/path?width=320 404",
        "camera passed: 25 fps; compass: north",
        "",
    ],
)
def test_what_holds_no_secret_stays(text: str) -> None:
    """Ordinary lines are not mangled."""
    assert redact(text) == text


@given(st.text())
def test_redacting_twice_is_redacting_once(text: str) -> None:
    """Redaction is idempotent: a text that has passed one boundary may pass the next."""
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize("unit", ["a", "://", "rtsp://", "password", "x@", "password='", '="'])
def test_a_huge_text_is_read_once(unit: str) -> None:
    """A megabyte of anything takes no longer than reading it a few times: a client must not stop the loop."""
    started = time.process_time()
    redact(unit * (1_000_000 // len(unit)))
    assert time.process_time() - started < 3


@dataclass
class Opaque:
    """Something that only says what it is when it is written."""

    url: str


def test_an_event_is_cleaned_at_every_depth() -> None:
    """Values in lists and mappings, errors and other objects, and whole values under names that mean a secret."""
    url = "rtsp://admin:hunter22@10.0.0.1/main"
    event = {
        "event": f"opening {url}",
        "urls": [url, (url,)],
        "facts": {"deep": {"camera_password": "hunter22", "n": 3}},
        "error": OSError(f"{url} refused"),
        "object": Opaque(url),
        "camera_password": "hunter22",
        "ok": True,
        "ratio": 0.5,
        "nothing": None,
    }
    cleaned = redact_event(None, "info", event)
    assert "hunter22" not in repr(cleaned)
    assert cleaned["error"].startswith("OSError: ")
    assert (cleaned["ok"], cleaned["ratio"], cleaned["nothing"]) == (True, 0.5, None)
    assert cleaned["facts"]["deep"]["n"] == 3


@pytest.fixture
def _logging_put_back() -> Iterator[None]:
    """The state of the process's logs is put back afterwards."""
    root = logging.getLogger()
    handlers, level, drawn = root.handlers, root.level, structlog.get_config()
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    structlog.configure(**drawn)


@pytest.mark.usefixtures("_logging_put_back")
def test_lines_are_json_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    """Our own logger and the standard library's both end as one JSON line each, traceback included, all redacted."""
    logs.configure("INFO", json=True)
    url = "rtsp://admin:hunter22@10.0.0.1/main"
    try:
        raise OSError(f"{url} refused")
    except OSError:
        structlog.get_logger(module="m").warning("failed", url=url, exc_info=True)
        logging.getLogger("other").exception("library says %s", url)
    logging.getLogger("other").info("too chatty to show")
    written = capsys.readouterr().err
    lines = [json.loads(line) for line in written.splitlines()]
    assert [line["level"] for line in lines] == ["warning", "error"]
    assert all("OSError" in line["exception"] and line["timestamp"].endswith("Z") for line in lines)
    assert "hunter22" not in written


def test_a_throttle_admits_one_per_time_and_counts_the_rest() -> None:
    """The line that is admitted knows how many were not."""
    throttle = Throttle(every_ns=1000)
    assert [throttle.admit(at) for at in (0, 1, 999, 1000, 1500, 2000)] == [0, None, None, 2, None, 1]
