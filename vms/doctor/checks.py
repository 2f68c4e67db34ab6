"""Judgements of `vms doctor`: facts in, one line of what and one of what to do out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vms.bus.inspect import AccountFacts, MonitorFacts
from vms.objects.inspect import BucketFacts
from vms.store.inspect import PostgresFacts

LINE_SHARE = 0.70
"""Of a line that planned traffic may take; the rest is for live video and for catching up."""


class Level(StrEnum):
    """ok; warn: works, and will hurt one day; bad: does not work, or loses data."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Check:
    """One answer. `do` is empty where nothing is to be done."""

    name: str
    level: Level
    what: str
    do: str = ""


def ok(name: str, what: str) -> Check:
    """Nothing to be done."""
    return Check(name, Level.OK, what)


def warn(name: str, what: str, do: str) -> Check:
    """Will hurt one day."""
    return Check(name, Level.WARN, what, do)


def bad(name: str, what: str, do: str) -> Check:
    """Does not work, or loses data."""
    return Check(name, Level.BAD, what, do)


def exit_code(checks: Iterable[Check]) -> int:
    """1 where anything is bad."""
    return int(any(check.level is Level.BAD for check in checks))


def transcoder(wanted: int, program: str | None) -> Check:
    """Whether what browsers cannot play can be made H.264: `wanted` is how many cameras at once."""
    if wanted and program is None:
        what = "there is no ffmpeg program: cameras that a browser cannot play (H.265, B-frames) stay dark there"
        return warn("ffmpeg", what, "Install it: apt-get install ffmpeg; or set streamer.transcodes: 0")
    return ok("ffmpeg", f"{program}, for up to {wanted} cameras at once" if wanted else "nothing is transcoded")


def clock(in_sync: bool, offset_ns: int | None) -> Check:
    """The kernel's own word."""
    if not in_sync:
        return warn(
            "clock", "the kernel says that this clock is not synchronized", "Install chrony; then: chronyc tracking"
        )
    if offset_ns is not None and abs(offset_ns) > 1_000_000_000:
        seconds = offset_ns / 1e9
        return bad("clock", f"this clock is being corrected by {seconds:.1f} s", "Set it: chronyc makestep")
    return ok("clock", "synchronized")


def clock_beside(name: str, ahead_s: float, unsure_s: float) -> Check:
    """Of a server, beside ours; what the way takes is not its fault."""
    off_s = max(0.0, abs(ahead_s) - unsure_s)
    words = f"its clock is {abs(ahead_s):.2f} s {'ahead of' if ahead_s > 0 else 'behind'} ours"
    do = "Synchronize both machines with the same time servers (chrony)."
    if off_s > 1.0:
        return bad(name, words, do)
    return warn(name, words, do) if off_s > 0.2 else ok(name, f"as ours, to {max(off_s, unsure_s) * 1000:.0f} ms")


def nats(name: str, url: str, facts: AccountFacts, *, wants_jetstream: bool) -> list[Check]:
    """One account."""
    if facts.error:
        do = "Look at cluster.nats in the settings, and whether the server runs."
        return [bad(name, f"{url} does not let us in: {facts.error}", do)]
    checks = [ok(name, f"{url} (nats-server {facts.version}), {facts.rtt_s * 1000:.0f} ms there and back")]
    if wants_jetstream and not facts.jetstream:
        do = "Switch JetStream on for this account: rows and leases need it (config/cluster)."
        checks.append(bad(f"{name}.jetstream", "the account has no JetStream", do))
    elif not wants_jetstream and facts.jetstream:
        do = "Switch it off for this account: video may not fill the disk of rows (config/cluster)."
        checks.append(warn(f"{name}.jetstream", "the account of video has JetStream", do))
    elif wants_jetstream:
        checks.append(ok(f"{name}.jetstream", f"domain {facts.domain or 'none'}"))
    if version_of(facts.version) < (2, 11):
        do = "Install 2.11 or newer: keys of leases expire by themselves only there."
        checks.append(warn(f"{name}.version", f"nats-server {facts.version} is old", do))
    return checks


def nats_monitor(facts: MonitorFacts | None) -> list[Check]:
    """What JetStream writes, and when."""
    if facts is None:
        do = "Give --nats-monitor http://HOST:PORT, or look at the server's settings: sync_interval: always"
        return [warn("nats.sync", "whether JetStream writes at once cannot be seen: no monitoring port answers", do)]
    beside = clock_beside("nats.clock", facts.ahead_s, facts.unsure_s)
    if facts.sync_always:
        return [ok("nats.sync", "JetStream writes at once (sync_interval: always)"), beside]
    do = "Write sync_interval: always in its section jetstream and restart it."
    return [bad("nats.sync", "JetStream acknowledges rows that a loss of power takes back", do), beside]


def postgres(facts: PostgresFacts) -> list[Check]:
    """What makes a commit last."""
    checks = [ok("postgres", f"version {facts.version}")]
    if facts.version < 14:
        checks = [warn("postgres", f"version {facts.version} is old", "Install 15 or newer.")]
    if facts.is_standby:
        checks.append(bad("postgres.primary", "this is a standby", "Name the primary in catalogue.url."))
    for name, holds in (("fsync", facts.fsync), ("full_page_writes", facts.full_page_writes)):
        if not holds:
            do = f"Set {name} = on in postgresql.conf and restart it."
            checks.append(bad(f"postgres.{name}", f"{name} is off: a crash can destroy the catalogue", do))
    if facts.synchronous_commit in {"off", "local"}:
        do = "Set synchronous_commit = on in postgresql.conf, for those who use other programs too."
        what = f"synchronous_commit is {facts.synchronous_commit} by default; our sessions set it on"
        checks.append(warn("postgres.synchronous_commit", what, do))
    if len(checks) == 1 and checks[0].level is Level.OK:
        checks.append(ok("postgres.durable", "fsync, full_page_writes and synchronous_commit are on"))
    return [*checks, clock_beside("postgres.clock", facts.ahead_s, facts.unsure_s)]


def bucket(name: str, where: str, facts: BucketFacts) -> list[Check]:
    """A Store that speaks S3."""
    if facts.error:
        do = "Look at endpoint, access_key, secret_key and ca_file, and whether the server runs."
        if facts.error in {"AccessDenied", "InvalidAccessKeyId"}:
            do = "A regency's user is made at the center: vms store grant. Else look at access_key and secret_key."
        return [bad(name, f"{where} does not let us in: {facts.error}", do)]
    if not facts.exists:
        return [warn(name, f"{where} does not exist yet", "The first upload makes it, with Object Lock.")]
    checks = [ok(name, f"{where} is there")]
    if facts.locks:
        checks.append(ok(f"{name}.lock", "Object Lock and versions"))
    elif facts.locks is None:
        do = "Look with the server's own tools: versioning and Object Lock."
        checks.append(warn(f"{name}.lock", "the server does not say whether the bucket locks", do))
    elif facts.versioned:
        do = "A bucket gets Object Lock when it is made: make a new one for evidence."
        checks.append(warn(f"{name}.lock", "versions, but no Object Lock: holds are rows alone", do))
    else:
        do = "Make a new bucket with Object Lock: one mistaken key can delete all that is in this one."
        checks.append(warn(f"{name}.lock", "neither versions nor Object Lock", do))
    return checks


def disk_speed(name: str, times_s: Sequence[float]) -> Check:
    """p95 of writing 190 KB (a second of a camera of 1.5 Mb/s) so that it lasts."""
    p95 = sorted(times_s)[int(len(times_s) * 0.95)] if times_s else 0.0
    what = f"190 KB are on the disk within {p95 * 1000:.1f} ms (p95 of {len(times_s)})"
    if p95 > 0.5:
        return bad(name, what, "Use a local disk or SSD for the spool; look at its health (smartctl).")
    return warn(name, what, "Slow for many cameras: use an SSD for the spool.") if p95 > 0.1 else ok(name, what)


def disk_room(name: str, free_bytes: int, total_bytes: int) -> Check:
    """Room of a disk."""
    what = f"{free_bytes / 1e9:.1f} GB free of {total_bytes / 1e9:.1f} GB"
    do = "Free space, or give it a larger disk: at 128 MB free recording stops."
    if free_bytes < 256 << 20:
        return bad(name, what, do)
    return warn(name, what, do) if free_bytes < total_bytes * 0.1 else ok(name, what)


def congestion(algorithm: str | None) -> Check:
    """How TCP takes loss on a thin line."""
    do = "modprobe tcp_bbr; sysctl -w net.core.default_qdisc=fq net.ipv4.tcp_congestion_control=bbr (and in sysctl.d)"
    if algorithm is None:
        return warn("tcp.congestion", "the kernel does not say what it uses", do)
    if algorithm.startswith("bbr"):
        return ok("tcp.congestion", algorithm)
    return warn("tcp.congestion", f"{algorithm}: on a line that loses packets it carries a tenth of what bbr does", do)


def notsent_lowat(value: int | None) -> Check:
    """How much may wait in a socket behind what is on the way: live video waits behind it."""
    if value is not None and value <= 131_072:
        return ok("tcp.notsent_lowat", f"{value} bytes")
    shown = "not known" if value is None else "no limit" if value >= 1 << 31 else f"{value} bytes"
    do = "sysctl -w net.ipv4.tcp_notsent_lowat=32768 (and in sysctl.d: config/cluster/sysctl.conf)"
    return warn("tcp.notsent_lowat", f"{shown}: live video waits behind what sockets hold", do)


def line(planned_mbps: float, line_mbps: float | None) -> Check:
    """What is planned to cross a regency's line all the time, against the line."""
    if line_mbps is None:
        do = "Say in cluster.line_mbps what the line carries upwards."
        return warn("line", f"{planned_mbps:.1f} Mb/s are planned; what the line carries is not set", do)
    share = planned_mbps / line_mbps
    what = f"{planned_mbps:.1f} Mb/s are planned on a line of {line_mbps:g} Mb/s ({share:.0%})"
    do = "Record less (sub streams, bit rates), keep footage at the Site (home_store), or get a better line."
    if share > 1.0:
        return bad("line", what, f"It can never catch up. {do}")
    return warn("line", what, do) if share > LINE_SHARE else ok("line", what)


def version_of(text: str) -> tuple[int, ...]:
    """(2, 11, 4) of `2.11.4-beta`; what is no number is left out."""
    parts = text.partition("-")[0].partition("+")[0].split(".")
    return tuple(int(part) for part in parts if part.isdigit())
