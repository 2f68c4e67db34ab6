"""Leases on a real NATS server with real streams: shared out, taken over, handed over, and nothing shown twice."""

from __future__ import annotations

import io
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import av
import pytest

from tests.cluster.lease_rig import LeaseSite, hole_s, lease_site, overlap_s
from tests.servers.nats import running_nats
from tests.simulator_fixture import SMALL, running_simulator
from vms.clock import NS_PER_S
from vms.domain.interval import Interval

# Frames of the simulator's sub are 67 ms apart, key frames 400 ms; two nodes see a frame within some ms of each other.
JITTER_S = 0.1


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[LeaseSite]:
    """Four small cameras with main and sub, a site's NATS server, no node yet."""
    async with (
        running_simulator(cameras=4, **SMALL) as simulator,
        running_nats(tmp_path, domain="sampit") as nats,
        lease_site(tmp_path, nats, simulator) as found,
    ):
        yield found


def window(site: LeaseSite, since_ns: int) -> Interval:
    """From then to nearly now: the newest fragment is still on its way to the disk."""
    return Interval(since_ns, site.clock.now_ns() - NS_PER_S // 2)


async def recorded(site: LeaseSite) -> None:
    """A second more, and all rows."""
    await site.clock.sleep(1.0)
    await site.rows()


async def assert_seamless(site: LeaseSite, since_ns: int) -> None:
    """Of every Stream: recorded without a Gap, each moment shown once."""
    for stream in site.streams:
        gaps = await site.gaps(stream, window(site, since_ns))
        assert gaps == [], (str(stream), gaps)
        shown = await site.shown(stream, window(site, since_ns))
        assert overlap_s(shown) < JITTER_S, str(stream)
        assert hole_s(shown) < JITTER_S, str(stream)


async def test_a_node_joins_and_leaves_without_a_gap(site: LeaseSite) -> None:
    """All on one; shared by two when the second comes; all on the second when the first stops; and it comes again."""
    await site.join("node-a")
    await site.until(lambda: site.settled("node-a"))
    began_ns = site.clock.now_ns()
    await site.join("node-b")
    joined_s = await site.until(lambda: site.settled("node-a", "node-b"))
    await site.stop("node-a")
    await site.until(lambda: site.settled("node-b"))
    await site.join("node-a")
    await site.until(lambda: site.settled("node-a", "node-b"))
    await recorded(site)
    await assert_seamless(site, began_ns)
    assert joined_s < 10
    stream, asked = min(site.streams, key=str), window(site, began_ns)
    with av.open(io.BytesIO(await site.download(stream, asked))) as file:
        times = [packet.dts * packet.time_base for packet in file.demux(video=0) if packet.dts is not None]
    assert all(b > a for a, b in itertools.pairwise(times))
    assert abs(float(times[-1] - times[0]) - asked.duration_ns / NS_PER_S) < 1
    for stream in site.streams:
        grants = await site.catalogue.grants.of(stream)
        assert len({grant.epoch for grant in grants}) == len(grants)


async def test_a_dead_nodes_streams_are_recorded_again(site: LeaseSite) -> None:
    """Within 15 s; what is missing is said, and is the node's fault."""
    await site.join("node-a")
    await site.join("node-b")
    await site.until(lambda: site.settled("node-a", "node-b"))
    began_ns = site.clock.now_ns()
    lost = await site.kill("node-a")
    assert lost
    took_s = await site.until(lambda: lost <= site.nodes["node-b"].live())
    assert took_s < 15
    await recorded(site)
    for stream in site.streams:
        gaps = await site.gaps(stream, window(site, began_ns))
        assert [cause for _, cause in gaps] == (["node_down"] if stream in lost else []), (str(stream), gaps)
        assert sum(length for length, _ in gaps) < 15
        assert overlap_s(await site.shown(stream, window(site, began_ns))) < JITTER_S


async def test_cut_off_from_the_leases_both_record_and_one_is_shown(site: LeaseSite) -> None:
    """It goes on, another takes over, it stops when it is back: nothing lost, nothing shown twice, all kept."""
    cut_off = await site.join("node-a")
    await site.join("node-b")
    await site.until(lambda: site.settled("node-a", "node-b"))
    began_ns = site.clock.now_ns()
    lost = cut_off.holds()
    cut_off.up.clear()
    await site.until(lambda: lost <= site.nodes["node-b"].live())
    assert cut_off.live() == lost
    cut_off.up.set()
    await site.until(lambda: not cut_off.live() & site.nodes["node-b"].live())
    await site.until(lambda: site.settled("node-a", "node-b"), 30)
    await recorded(site)
    await assert_seamless(site, began_ns)
    for stream in lost:
        rows = await site.catalogue.segments.in_interval(stream, window(site, began_ns))
        assert {row.node for row in rows} == {"node-a", "node-b"}


async def test_nats_away_changes_nothing(site: LeaseSite) -> None:
    """Longer than a Lease holds: everyone records on, and keeps what it had when the server is back."""
    await site.join("node-a")
    await site.join("node-b")
    await site.until(lambda: site.settled("node-a", "node-b"))
    began_ns, before = site.clock.now_ns(), {name: node.holds() for name, node in site.nodes.items()}
    await site.nats.stop()
    await site.until(lambda: all(not node.leases.health().ok for node in site.nodes.values()))
    await site.clock.sleep(12)
    assert all(node.live() == before[name] for name, node in site.nodes.items())
    await site.nats.start()
    await site.until(lambda: all(node.leases.health().ok for node in site.nodes.values()))
    await site.clock.sleep(8)
    assert {name: node.holds() for name, node in site.nodes.items()} == before
    await recorded(site)
    await assert_seamless(site, began_ns)
