"""The pure rules: times, ranges, cursors, names, origins, depth of JSON, throttling."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vms.errors import InputError, IntervalError
from web.paging import decode_cursor, encode_cursor, page
from web.ranges import RangeNotSatisfiableError, byte_range, content_disposition, wants_many
from web.security.limits import json_depth_exceeds
from web.security.origin import client_address, is_direct_loopback, is_same_origin, parse_origin
from web.text import clean_name
from web.times import format_time, parse_interval, parse_time

HOUR_NS = 3_600_000_000_000
NS_2199 = int(dt.datetime(2199, 12, 31, tzinfo=dt.UTC).timestamp()) * 1_000_000_000


@given(st.integers(0, NS_2199))
def test_times_survive_the_way_out_and_in(ns: int) -> None:
    """format_time and parse_time are inverse, to the nanosecond."""
    assert parse_time(format_time(ns), "from") == ns


@given(st.integers(0, NS_2199), st.integers(-23 * 60, 23 * 60))
def test_offsets_name_the_same_instant(ns: int, offset: int) -> None:
    """A time with an offset is the same instant in UTC."""
    whole = ns // 1_000_000 * 1_000_000
    zone = dt.timezone(dt.timedelta(minutes=offset))
    local = (
        dt.datetime.fromtimestamp(whole // 1_000_000_000, tz=dt.UTC)
        .replace(microsecond=whole // 1000 % 1_000_000)
        .astimezone(zone)
    )
    assert parse_time(local.isoformat(timespec="milliseconds"), "to") == whole


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "NaN", "inf", "1790000000", "-5", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z",
        "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00+25:00", "2026-01-01T00:00:00 07:00", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+0700",
        "2026-01-01T00:00:00.1234567890Z", "0000-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z",
        "2026-W01-1T00:00:00Z", "٢٠٢٦-01-01T00:00:00Z", "2026-01-01T00:00:00Z" + "0" * 50, "2026-01-01T00:00:00Z\n",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    """In plain words, with the field, without repeating it."""
    with pytest.raises(IntervalError) as caught:
        parse_time(text, "from")
    assert caught.value.field == "from"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-01-01T01:00:00Z", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00Z", "2026-01-01T06:00:00.001Z"),
        ("2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z"),
    ],
)
def test_impossible_intervals_are_refused(start: str, end: str) -> None:
    """Reversed, empty, too long, of a century."""
    with pytest.raises(IntervalError):
        parse_interval(start, end, longest_ns=6 * HOUR_NS)


@given(st.integers(1, 10**12), st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_range_lies_inside(size: int, first: int, last: int) -> None:
    """What is served lies inside and begins where it was asked to, or nothing is."""
    try:
        part = byte_range(f"bytes={first}-{last}", size)
    except RangeNotSatisfiableError:
        assert first >= size or last < first
        return
    assert 0 <= part.start == first < part.end == min(size, last + 1) <= size


def test_forms_of_ranges() -> None:
    """Open at the end, counted from the end, none at all."""
    assert (byte_range("bytes=5-", 10).start, byte_range("bytes=5-", 10).end) == (5, 10)
    assert (byte_range("bytes=-3", 10).start, byte_range("bytes=-30", 10).start) == (7, 0)
    assert byte_range(None, 10).partial is False
    assert byte_range("bytes=0-3", 10).content_range == "bytes 0-3/10"


@pytest.mark.parametrize(
    "header",
    [
        "bytes=", "bytes=-", "bytes=5-2", "bytes=10-", "bytes=-0", "bytes=a-b", "items=0-1", "bytes=0-1,2-3", "0-1",
        "bytes=--1", "bytes=1-2-3", "bytes=99999999999999999999-", "bytes=٣-5", "bytes=0x0-5", "bytes = 0-1",
    ],
)  # fmt: skip
def test_other_ranges_are_not_satisfiable(header: str) -> None:
    """416, never an exception of another kind."""
    with pytest.raises(RangeNotSatisfiableError):
        byte_range(header, 10)


def test_ten_thousand_ranges_cost_nothing() -> None:
    """They are refused in far less than 50 ms."""
    header = "bytes=" + ",".join(f"{n}-{n + 5}" for n in range(10_000))
    begun = time.perf_counter()
    assert wants_many(header)
    with pytest.raises(RangeNotSatisfiableError):
        byte_range(header, 10**9)
    assert time.perf_counter() - begun < 0.05


@given(st.text(max_size=60))
def test_download_names_are_header_safe(name: str) -> None:
    """Whatever a camera is called, the header is one line of ASCII with one name in quotes."""
    header = content_disposition(name.encode("utf-8", "replace").decode())
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    assert "/" not in header
    assert "\\" not in header


@given(st.lists(st.text(max_size=8), min_size=2, max_size=2).map(tuple))
def test_cursors_come_back(key: Any) -> None:
    """decode undoes encode."""
    assert decode_cursor(encode_cursor(key), 2) == key


@given(st.text(max_size=40))
def test_made_up_cursors_are_refused_or_harmless(text: str) -> None:
    """InputError, or a key of the right form; never another exception."""
    with contextlib.suppress(InputError):
        assert len(decode_cursor(text, 3)) == 3


@given(st.sets(st.text("abc", min_size=1, max_size=5), max_size=30), st.integers(1, 7))
def test_pages_cover_everything_once(items: set[str], limit: int) -> None:
    """Following the cursors gives each item once, in order."""
    seen: list[str] = []
    cursor: str | None = None
    while True:
        shown, cursor = page(list(items), lambda item: (item,), cursor, limit, parts=1)
        seen += shown
        if cursor is None:
            break
    assert seen == sorted(items)


@given(st.text(max_size=120))
@settings(max_examples=200)
def test_names_are_visible_and_bounded(text: str) -> None:
    """What passes is 1 to 100 characters, stable when cleaned again, and holds nothing that hides or turns."""
    try:
        name = clean_name(text)
    except ValueError:
        return
    assert 1 <= len(name) <= 100
    assert clean_name(name) == name
    assert not set(name) & set("\0\n\r\u202a\u202e\u2066\u2069\u200f\ufeff\u2028")


json_values = st.recursive(
    st.text('[]{}"\\', max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("[{", max_size=2), inner, max_size=3),
    max_leaves=20,
)


def _depth(value: Any) -> int:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if children is None else 1 + max(map(_depth, children), default=0)


@given(json_values, st.integers(1, 8))
def test_depth_is_that_of_the_value(value: Any, limit: int) -> None:
    """Brackets inside strings do not count."""
    assert json_depth_exceeds(json.dumps(value).encode(), limit) == (_depth(value) > limit)


def test_a_million_brackets_are_refused_at_once() -> None:
    """A hostile body costs less than 50 ms."""
    begun = time.perf_counter()
    for body in (b"[" * 1_000_000, b"[]" * 500_000, b'"' + b"[" * 999_998 + b'"', b'{"a":' * 200_000):
        assert json_depth_exceeds(body, 32)
    assert time.perf_counter() - begun < 0.2


def _scope(peer: str, **headers: str) -> dict[str, Any]:
    raw = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    return {"type": "http", "scheme": "http", "client": (peer, 1), "headers": raw, "path": "/", "query_string": b""}


PROXIES = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("127.0.0.1/32"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.5", "127.0.0.1", "203.0.113.5"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "127.0.0.1, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, garbage", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
    ],
)
def test_the_client_behind_proxies(peer: str, forwarded: str, client: str) -> None:
    """Only trusted proxies are believed, and only as far as they stand in a row."""
    assert client_address(_scope(peer, x_forwarded_for=forwarded), PROXIES) == client


def test_loopback_is_the_peer_itself() -> None:
    """Mapped IPv4 counts; any sign of a proxy does not."""
    assert is_direct_loopback(_scope("::1"))
    assert is_direct_loopback(_scope("::ffff:127.0.0.1"))
    assert not is_direct_loopback(_scope("127.0.0.1", via="1.1 proxy"))
    assert not is_direct_loopback(_scope("unix"))


def test_the_origin_behind_a_trusted_proxy() -> None:
    """X-Forwarded-Host and -Proto of a trusted proxy count, a stranger's do not."""
    given_by_proxy = {"origin": "https://vms.example", "host": "inner", "x_forwarded_host": "vms.example"}
    scope = _scope("10.0.0.1", **given_by_proxy, x_forwarded_proto="https")
    assert is_same_origin(scope, PROXIES, https=False)
    assert not is_same_origin(scope | {"client": ("203.0.113.5", 1)}, PROXIES, https=False)
    assert parse_origin("https://vms.example:443") == parse_origin("HTTPS://VMS.example")
    assert [parse_origin(text) for text in ("null", "", "ftp://x", "http://", "http://x:y", "http://x/path")] == [
        None
    ] * 6
