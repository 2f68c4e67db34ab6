"""What reads bytes of others, with honest ones to begin from: a target is called with any bytes and may only raise what
its callers expect. Blocking, no I/O but a temporary file for packages."""

from __future__ import annotations

import base64
import contextlib
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ingest.arrival import OpenOptions
from ingest.multicast import read_matches
from ingest.nal import split
from ingest.onvif_soap import read_answer
from ingest.plain import plain_track
from ingest.rtp import SLACK_BYTES, Depacketizer, sender_time
from ingest.rtsp import authorization, channels, control_url, describe, parse_head, session_of
from ingest.sps import parse_h264, parse_h265
from ingest.url import Target as CameraTarget
from recorder.fmp4 import init_bytes
from recorder.fmp4_read import fragments, read_init
from recorder.package_read import BadPackageError
from recorder.package_read import opened as open_package
from recorder.provenance import SegmentHead
from tests.ingest.hostile import SPROP, UNITS, Clocked, framed, sdp
from tests.ingest.test_discovery import ID, answer
from tests.recorder.synth import make_run, video_clip, video_track
from vms.bus import wire
from vms.declared.file import read_declared
from vms.domain.camera import StreamName, StreamRef
from vms.domain.camera_url import AddressPolicy, literal_address, parse_camera_url, parse_device_url
from vms.domain.media import Codec, Packet, RunStarted
from vms.errors import CameraError, FootageError, InputError, SettingsError, VmsError
from vms.proof.checkpoint import BadCheckpointError, Checkpoint, opened, signed
from vms.proof.keys import NodeKey
from vms.proof.manifest import BadManifestError, read, sealed
from web.sheet.columns import meanings
from web.sheet.csv_rows import read_csv
from web.sheet.rows import SheetError
from web.sheet.yaml_rows import read_cameras

HEADS = (
    b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: 460\r\nContent-Base: rtsp://10.0.0.5/x/",
    b'RTSP/1.0 401 No\r\nCSeq: 1\r\nWWW-Authenticate: Digest realm="x", nonce="a1", qop="auth", algorithm=SHA-256',
    b"RTSP/1.0 200 OK\r\nTransport: RTP/AVP/TCP;unicast;interleaved=2-3;ssrc=1\r\nSession: 1234;timeout=60",
)
URL = parse_camera_url("rtsp://10.0.0.5/x")
KEY = NodeKey.of_seed(bytes(32))
ROW = {"node": "n", "public_key": KEY.public, "fingerprint": KEY.fingerprint, "certificate": ""}


@dataclass(frozen=True)
class Target:
    """`honest`: made when it is first asked for; `run` takes any bytes; `kind`: of the five of bar E3."""

    kind: str
    honest: Callable[[], Sequence[bytes]]
    run: Callable[[bytes], None]


def _rtsp(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        reply = parse_head(data)
        authorization(reply.all("www-authenticate"), "DESCRIBE", "rtsp://10.0.0.5/x", "u", "p")
        with contextlib.suppress(ValueError):
            reply.body_bytes()
        for read_header, name in ((channels, "transport"), (session_of, "session")):
            for value in reply.all(name):
                with contextlib.suppress(ValueError):
                    read_header(value)


def _sdp(data: bytes) -> None:
    address = literal_address(URL.host)
    assert address is not None
    with contextlib.suppress(ValueError):
        found = describe(data)
        plain_track(found.media, CameraTarget(URL, address), OpenOptions())
        for line in found.media:
            with contextlib.suppress(ValueError):
                control_url("rtsp://10.0.0.5/x", line.control)


def _rtp(data: bytes) -> None:
    for codec in (Codec.H264, Codec.H265):
        reader = Depacketizer(codec, 96)
        buffer, at = bytearray(data).ljust(len(data) + SLACK_BYTES, b"\0"), 0
        while at < len(data):
            at = max(reader.feed(buffer, at, len(data)), at + 1)
        reader.flush()
    sender_time(data)


def _sps(data: bytes) -> None:
    for parse in (parse_h264, parse_h265):
        with contextlib.suppress(ValueError):
            parse(data)


def _soap(data: bytes) -> None:
    with contextlib.suppress(CameraError):
        read_answer(data)
    read_matches(data, "10.0.0.9", ID, AddressPolicy())


def _url(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for parse in (parse_camera_url, parse_device_url):
        with contextlib.suppress(InputError):
            parse(text)


def _bus(data: bytes) -> None:
    for decode in (wire.decode, wire.decode_request):
        with contextlib.suppress(VmsError):
            decode(data)


def _manifest(data: bytes) -> None:
    with contextlib.suppress(BadManifestError):
        read(data)
    with contextlib.suppress(BadCheckpointError):
        opened(data)


def _package(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with contextlib.suppress(BadPackageError), open_package(Path(file.name)):
            pass


def _segment(data: bytes) -> None:
    def take(offset: int, length: int) -> bytes:
        return data[offset : offset + length]

    with contextlib.suppress(FootageError):
        for _ in fragments(take, len(data), read_init(take)):
            pass


def _csv(data: bytes) -> None:
    with contextlib.suppress(SheetError):
        for row in read_csv(data):
            meanings(row)


def _yaml(data: bytes) -> None:
    with contextlib.suppress(SheetError):
        for row in read_cameras(data):
            meanings(row)


def _declared(data: bytes) -> None:
    with contextlib.suppress(SettingsError, SheetError):
        read_declared(data, {})


@cache
def _frames() -> list[bytes]:
    clocked = Clocked()
    return [
        b"".join(framed(packet) for _ in range(3) for packet in clocked.unit())[:3000],
        bytes(framed(b"\x80\xc8" * 8)),
    ]


@cache
def _messages() -> list[bytes]:
    run = make_run(video_track(video_clip()))
    packet = Packet(StreamRef("a" * 16, StreamName.MAIN), "r" * 16, 0, 1, 2, 3, 4, True, b"\0\0\1\x65")
    values = ({"item": packet, "n": 1}, {"run": RunStarted(run), "list": [1, None, "x", 2.5]}, {})
    return [
        *map(wire.encode, values),
        wire.encode_request(values[1], 2.5),
        wire.encode_error(InputError("no", field="x")),
    ]


@cache
def _statements() -> list[bytes]:
    body = {"kind": "export", "version": 1, "key": ROW, "members": [{"name": "a.mp4", "size_bytes": 1, "sha256": "00"}]}
    return [
        sealed(body, KEY),
        signed(Checkpoint("site", "node", 0, "", 1, 2, ROW), KEY),
        b'{"statement":{},"signature":""}',
    ]


@cache
def _zips() -> list[bytes]:
    import io
    import zipfile

    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("manifest.json", json.dumps({"statement": {}}))
        archive.writestr("footage/a.mp4", b"x" * 40)
    return [sink.getvalue()]


@cache
def _inits() -> list[bytes]:
    run = make_run(video_track(video_clip()))
    return [init_bytes(run.info, SegmentHead(run, 3, 17, run.start_ns, "ab" * 32, {"camera": "x", "site": ""}))]


def _sets() -> list[bytes]:
    return [*map(base64.b64decode, SPROP.split(",")), *split(UNITS[0])[:2]]


TARGETS: dict[str, Target] = {
    "rtsp": Target("RTSP", lambda: HEADS, _rtsp),
    "sdp": Target("SDP", lambda: [sdp().encode(), sdp(encoding="H265").encode(), sdp(sprop=None).encode()], _sdp),
    "rtp": Target("RTSP", _frames, _rtp),
    "sps": Target("SDP", _sets, _sps),
    "soap": Target("RTSP", lambda: [answer("http://10.0.0.9/x", scopes="onvif://www.onvif.org/name/x")], _soap),
    "url": Target("imports", lambda: [b"rtsp://operator:p@10.0.0.5:554/main?x=1", b"http://[fd00::1]:80/onvif"], _url),
    "bus": Target("bus", _messages, _bus),
    "manifest": Target("manifests", _statements, _manifest),
    "package": Target("manifests", _zips, _package),
    "segment": Target("manifests", _inits, _segment),
    "csv": Target(
        "imports",
        lambda: [b"site,name,main,record_sub\r\nsampit,Pasar,rtsp://10.0.0.5/x,no\r\n", b'slug;sub\n"a";b\n'],
        _csv,
    ),
    "yaml": Target(
        "imports", lambda: [b"- site: a\n  name: 'P'\n  main: rtsp://10.0.0.5/x\n", b"cameras: []\n"], _yaml
    ),
    "declared": Target(
        "imports",
        lambda: [b"sites:\n  - slug: a\n    name: A\npeople:\n  - username: rina\n    grants:\n      - role: viewer\n"],
        _declared,
    ),
}
