"""The counters and gauges of the process, in one Prometheus registry; names start with `vms_`, units at the end."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry(auto_describe=True)

PACKETS = Counter("vms_packets", "Packets published by ingest.", ["kind"], registry=REGISTRY)
PACKET_BYTES = Counter("vms_packet_bytes", "Payload bytes published by ingest.", ["kind"], registry=REGISTRY)
DROPS = Counter("vms_dropped_packets", "Packets dropped because a subscription was full.", ["where"], registry=REGISTRY)
LINE_MAINS = Gauge(
    "vms_line_mains",
    "Main streams that tiles beyond the line want, by whether they get them.",
    ["given"],
    registry=REGISTRY,
)
DAMAGED_UNITS = Counter("vms_damaged_units", "Access units that came damaged and were left out.", registry=REGISTRY)
OVERLOADS = Counter("vms_overloads", "Runs ended because the recorder could not keep up.", registry=REGISTRY)
RUNS = Counter("vms_runs", "Runs begun.", registry=REGISTRY)
RUN_ENDS = Counter("vms_run_ends", "Runs ended, by reason.", ["reason"], registry=REGISTRY)
STREAMS = Gauge("vms_streams", "Streams by state.", ["state"], registry=REGISTRY)
SEGMENTS = Counter("vms_segments", "Segments by what became of them.", ["what"], registry=REGISTRY)
SPOOL_BYTES = Gauge("vms_spool_bytes", "Bytes in the spool.", registry=REGISTRY)
SPOOL_OLDEST_S = Gauge("vms_spool_oldest_seconds", "Age of the oldest file in the spool.", registry=REGISTRY)
UPLOAD_ERRORS = Counter("vms_upload_errors", "Uploads that failed and are tried again.", registry=REGISTRY)
UPLOAD_BYTES = Counter("vms_upload_bytes", "Bytes of Segments that Stores took.", ["store"], registry=REGISTRY)
UPLOAD_ALLOWED = Gauge("vms_upload_allowed_bytes_per_second", "What uploads may take of the line.", registry=REGISTRY)
LINE_BYTES = Counter("vms_line_live_bytes", "Bytes of live video sent over the line.", registry=REGISTRY)
LINE_UNITS = Counter("vms_line_units", "Units for other zones by what became of them.", ["what"], registry=REGISTRY)
RESENT = Counter("vms_resent_packets", "RTP packets sent again because a viewer missed them.", registry=REGISTRY)
VIEWERS = Gauge("vms_viewers", "Peer connections now.", registry=REGISTRY)
TILES = Gauge("vms_tiles", "Tiles that show a camera now.", registry=REGISTRY)
TRANSCODES = Gauge("vms_transcodes", "Streams that are made H.264 for browsers now.", registry=REGISTRY)
TRANSCODE_CPU_S = Counter("vms_transcode_cpu_seconds", "CPU that took, of processes of their own.", registry=REGISTRY)
TRANSCODES_REFUSED = Counter("vms_transcodes_refused", "Tiles that got none: all were in use.", registry=REGISTRY)
BUS_CONNECTED = Gauge("vms_bus_connected", "1 while a connection to NATS is there.", ["link"], registry=REGISTRY)
BUS_DROPPED = Counter("vms_bus_dropped_events", "Events that NATS did not take.", ["link"], registry=REGISTRY)
OUTBOX_ROWS = Gauge("vms_outbox_rows", "Rows that have yet to reach other zones.", ["state"], registry=REGISTRY)
ROWS_SENT = Counter("vms_rows_sent", "Rows put into streams for other zones.", registry=REGISTRY)
ROW_BYTES_SENT = Counter("vms_row_bytes_sent", "Bytes of those rows, packed.", registry=REGISTRY)
ROWS_APPLIED = Counter("vms_rows_applied", "Rows of other zones applied here.", registry=REGISTRY)
ROWS_SET_ASIDE = Counter("vms_rows_set_aside", "Rows of other zones that did not fit.", ["why"], registry=REGISTRY)
ANALYSED = Counter("vms_analysed_key_frames", "Key frames by what analysis did.", ["what"], registry=REGISTRY)
EVENTS_OPEN = Gauge("vms_events_open", "Events that go on, as this node tells them.", ["kind"], registry=REGISTRY)
LOOP_LAG_S = Histogram(
    "vms_loop_lag_seconds",
    "How late the event loop wakes; above 0.02 something blocks it.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0),
    registry=REGISTRY,
)
LOOP_BLOCKS = Counter("vms_loop_blocks", "Times the event loop was blocked longer than 20 ms.", registry=REGISTRY)
SERVICE_RESTARTS = Counter("vms_service_restarts", "Restarts after a failure.", ["service"], registry=REGISTRY)


def render() -> bytes:
    """All metrics in the Prometheus text format."""
    return generate_latest(REGISTRY)
