"""What can be set of the streamer: limits, waits and sizes, with their defaults. No logic."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamerOptions:
    """`zone`: where this streamer stands: center, or the slug of a Site. `addresses`: of this machine that are used;
    empty: all, the loopback only where there is no other. `advertise`: what viewers are told instead. `ports`: first
    and last UDP port, one for each viewer; None: any.

    credit_s: how long ingest may send without hearing from us; linger_s: how long a feed outlives its last viewer;
    retry_s: longest wait before a feed is asked for again; request_s, request_silent_s: how long an answer may take,
    and how long where nothing comes of the feed; gone_s: silence after which a viewer is gone;
    connect_s: how long a viewer may take to connect; pli_every_s: how often a viewer may be sent the burst again;
    queue_ms: how much live video may wait for one viewer; burst_bytes_s and burst_free_bytes: the pace of bursts to one
    viewer, and what may go at once; silent_s: after so long without anything a live Stream is asked for again, another
    node may have it; stale_s: what was longer on the way from another zone is thrown away; ack_s: how often its arrival
    is told; tick_s: how often tiles are judged; tell_s: how often they are told unchanged. transcodes: how many Streams
    that browsers cannot play are made H.264 at once, 0: none; transcode_height and transcode_kbps: their size and rate
    at most; transcode_linger_s: how long one outlives its last viewer.
    """

    zone: str = "center"
    addresses: tuple[str, ...] = ()
    advertise: tuple[str, ...] = ()
    ports: tuple[int, int] | None = None
    max_sessions: int = 200
    max_videos: int = 64
    max_sdp_bytes: int = 524_288
    credit_s: float = 10.0
    linger_s: float = 2.0
    retry_s: float = 1.0
    request_s: float = 5.0
    request_silent_s: float = 2.5
    gone_s: float = 12.0
    connect_s: float = 12.0
    pli_every_s: float = 0.5
    queue_ms: int = 600
    burst_bytes_s: int = 16_000_000
    burst_free_bytes: int = 24_000
    gop_max_bytes: int = 24_000_000
    gop_max_packets: int = 2_000
    events_limit: int = 2_048
    silent_s: float = 1.0
    stale_s: float = 2.0
    ack_s: float = 0.1
    tick_s: float = 0.25
    tell_s: float = 1.0
    transcodes: int = 0
    transcode_height: int = 720
    transcode_kbps: int = 2_000
    transcode_linger_s: float = 5.0
