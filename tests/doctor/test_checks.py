"""Judgements of `vms doctor`, from facts alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vms.bus.inspect import AccountFacts, MonitorFacts
from vms.doctor import checks
from vms.doctor.checks import Check, Level
from vms.objects.inspect import BucketFacts
from vms.store.inspect import PostgresFacts

GOOD = PostgresFacts(16, True, True, "on", False, 0.0, 0.001)
OK, WARN, BAD = Level.OK, Level.WARN, Level.BAD


def levels(*found: Check) -> list[Level]:
    """How they are; whoever is not well says what to do."""
    assert all(bool(check.do) == (check.level is not Level.OK) for check in found)
    return [check.level for check in found]


def test_the_exit_code() -> None:
    """Only what is bad fails."""
    fine, hurts, broken = checks.ok("a", "b"), checks.warn("a", "b", "c"), checks.bad("a", "b", "c")
    assert [checks.exit_code(found) for found in ([], [fine, hurts], [fine, broken])] == [0, 0, 1]


def test_clocks() -> None:
    """Held by the kernel; and beside a server's, where the way's own time is not its fault."""
    assert levels(checks.clock(True, 0), checks.clock(True, 2 * 10**9), checks.clock(False, None)) == [OK, BAD, WARN]
    found = [checks.clock_beside("x", ahead, 0.15) for ahead in (0.1, -0.3, 0.5, -1.1, 1.2, 3600)]
    assert levels(*found) == [OK, OK, WARN, WARN, BAD, BAD]
    assert "behind" in found[3].what
    assert "ahead" in found[4].what


def test_transcoder() -> None:
    """Missing where it is wanted is said; where it is not, nothing is to be done."""
    found = [checks.transcoder(4, "/usr/bin/ffmpeg"), checks.transcoder(4, None), checks.transcoder(0, None)]
    assert levels(*found) == [OK, WARN, OK]


def test_nats() -> None:
    """Rows need JetStream, video may not have it; old servers and lazy disks are said."""
    good = AccountFacts("", "2.11.4", 0.01, True, "hub")
    url = "nats://10.0.0.1:4222"
    assert levels(*checks.nats("n", url, good, wants_jetstream=True)) == [OK, OK]
    assert levels(*checks.nats("n", url, good, wants_jetstream=False)) == [OK, WARN]
    assert levels(*checks.nats("n", url, replace(good, jetstream=False), wants_jetstream=True)) == [OK, BAD]
    assert levels(*checks.nats("n", url, replace(good, jetstream=False), wants_jetstream=False)) == [OK]
    assert levels(*checks.nats("n", url, AccountFacts("nobody"), wants_jetstream=True)) == [BAD]
    assert levels(*checks.nats("n", url, replace(good, version="2.9.1"), wants_jetstream=True)) == [OK, OK, WARN]
    assert levels(*checks.nats_monitor(MonitorFacts(True, 0, 0))) == [OK, OK]
    assert levels(*checks.nats_monitor(MonitorFacts(False, 9, 0))) == [BAD, BAD]
    assert levels(*checks.nats_monitor(None)) == [WARN]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, [OK, OK, OK]),
        ({"fsync": False}, [OK, BAD, OK]),
        ({"full_page_writes": False}, [OK, BAD, OK]),
        ({"synchronous_commit": "off"}, [OK, WARN, OK]),
        ({"synchronous_commit": "remote_apply"}, [OK, OK, OK]),
        ({"is_standby": True}, [OK, BAD, OK]),
        ({"version": 12}, [WARN, OK]),
        ({"ahead_s": 60.0}, [OK, OK, BAD]),
    ],
)
def test_postgres(changes: dict[str, object], wanted: list[Level]) -> None:
    """What would lose rows is bad."""
    assert levels(*checks.postgres(replace(GOOD, **changes))) == wanted  # type: ignore[arg-type]  # by name


def test_buckets() -> None:
    """There, with versions, with Object Lock."""
    facts = [
        BucketFacts("AccessDenied"), BucketFacts(), BucketFacts("", True, True, True),
        BucketFacts("", True, True, False), BucketFacts("", True, False, False), BucketFacts("", True, None, None),
    ]  # fmt: skip
    found = [levels(*checks.bucket("b", "there", one)) for one in facts]
    assert found == [[BAD], [WARN], [OK, OK], [OK, WARN], [OK, WARN], [OK, WARN]]


def test_disks() -> None:
    """The slow twentieth counts, and room that ends."""
    speeds = [[0.002] * 40, [0.002] * 39 + [9.0], [0.002] * 30 + [0.2] * 10, [0.7] * 40]
    assert levels(*(checks.disk_speed("d", times) for times in speeds)) == [OK, OK, WARN, BAD]
    rooms = [(500 << 30, 1 << 40), (50 << 30, 1 << 40), (100 << 20, 1 << 40)]
    assert levels(*(checks.disk_room("d", free, total) for free, total in rooms)) == [OK, WARN, BAD]


def test_lines() -> None:
    """Over 70 % it is said, over 100 % it never catches up; without a figure nobody knows."""
    found = [checks.line(planned, 10.0) for planned in (0.0, 7.0, 7.1, 10.0, 10.1)]
    assert levels(*found, checks.line(1.0, None)) == [OK, OK, WARN, WARN, BAD, WARN]


def test_tcp() -> None:
    """bbr, and little that waits in sockets."""
    found = [checks.congestion(name) for name in ("bbr", "bbr2", "cubic", None)]
    assert levels(*found) == [OK, OK, WARN, WARN]
    assert levels(*(checks.notsent_lowat(n) for n in (131_072, 16_384, 4_294_967_295, None))) == [OK, OK, WARN, WARN]


def test_versions() -> None:
    """As numbers."""
    assert checks.version_of("2.11.4-beta.1") == (2, 11, 4)
    assert checks.version_of("dev") == ()
