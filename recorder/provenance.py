"""What a Segment's file says of itself: two `uuid` boxes of ours, one in moov from the start on, one at its end.

JSON, versioned, so that a Segment can be closed after a crash, entered into an empty catalogue, and proved, from its
bytes alone. Whoever reads it gets FootageError for anything that is not exactly what we write. Pure.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from vms.domain.camera import StreamRef
from vms.domain.footage import Fragment
from vms.domain.media import ClockState, Codec, Run, RunInfo, Track
from vms.errors import FootageError, FootageVersionError

VERSION = 1


@dataclass(frozen=True, slots=True)
class SegmentHead:
    """Known when a Segment opens. `run` as it was then; `names`: site and camera as they were called."""

    run: Run
    number: int
    first_gop: int
    start_ns: int
    previous_root: str = ""
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeafEntry:
    """One GOP of a Segment: its number in the Run, wall time and dts of its key frame, and its leaf (32 bytes)."""

    gop: int
    wall_ns: int
    dts_90k: int
    leaf: bytes


@dataclass(frozen=True, slots=True)
class SegmentTail:
    """Known when it closes. `leaf_root` hex. `fragments`: the index of the file; files of before it was kept have
    none."""

    end_ns: int
    leaf_root: str
    leaves: tuple[LeafEntry, ...]
    fragments: tuple[Fragment, ...] = ()


def encode_head(head: SegmentHead) -> bytes:
    """The data of the box in moov."""
    return orjson.dumps({"version": VERSION, "kind": "head", **_head_value(head)})


def encode_tail(head: SegmentHead, tail: SegmentTail) -> bytes:
    """The data of the closing box; it repeats the head, so that it proves the file without the rest."""
    return orjson.dumps(
        {
            "version": VERSION,
            "kind": "tail",
            **_head_value(head),
            "end_ns": tail.end_ns,
            "leaf_root": tail.leaf_root,
            "leaves": [[leaf.gop, leaf.wall_ns, leaf.dts_90k, leaf.leaf.hex()] for leaf in tail.leaves],
            **({"index": _index_value(tail.fragments)} if tail.fragments else {}),
        }
    )


def decode_head(data: bytes) -> SegmentHead:
    """The inverse of encode_head."""
    return _head(_load(data, "head"))


def decode_tail(data: bytes) -> tuple[SegmentHead, SegmentTail]:
    """The inverse of encode_tail."""
    value = _load(data, "tail")
    try:
        leaves = tuple(
            LeafEntry(int(gop), int(wall), int(dts), bytes.fromhex(leaf)) for gop, wall, dts, leaf in value["leaves"]
        )
        index = _index(value["index"]) if "index" in value else ()
        return _head(value), SegmentTail(int(value["end_ns"]), str(value["leaf_root"]), leaves, index)
    except (KeyError, TypeError, ValueError) as error:
        raise FootageError("the closing box of a Segment is damaged") from error


def _index_value(fragments: Sequence[Fragment]) -> list[Any]:
    """[offset, dts and wall time of the first], then of each [size, duration, key, and by how much offset, dts and wall
    time are beyond the end of the one before]; most of the last are 0 or small."""
    first = fragments[0]
    at, dts, wall, rows = first.offset_bytes, first.dts_90k, first.wall_ns, []
    for one in fragments:
        steps = [one.offset_bytes - at, one.dts_90k - dts, one.wall_ns - wall]
        rows.append([one.size_bytes, one.duration_90k, int(one.is_key), *steps])
        at, dts = one.offset_bytes + one.size_bytes, one.dts_90k + one.duration_90k
        wall = one.wall_ns + _ns_of_90k(one.duration_90k)
    return [[first.offset_bytes, first.dts_90k, first.wall_ns], rows]


def _index(value: Any) -> tuple[Fragment, ...]:
    (at, dts, wall), rows = value
    found = []
    for size, duration, key, offset_step, dts_step, wall_step in rows:
        at, dts, wall = at + offset_step, dts + dts_step, wall + wall_step
        found.append(Fragment(int(at), int(size), int(dts), int(duration), int(wall), bool(key)))
        at, dts, wall = at + size, dts + duration, wall + _ns_of_90k(duration)
    return tuple(found)


def _ns_of_90k(ticks: int) -> int:
    return ticks * 100_000 // 9


def _load(data: bytes, kind: str) -> dict[str, Any]:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise FootageError("a uuid box of a Segment is damaged") from error
    if not isinstance(value, dict) or value.get("kind") != kind:
        raise FootageError("a uuid box of a Segment is not what it should be")
    if value.get("version") != VERSION:
        raise FootageVersionError("a Segment has a format that is not known", hint="A newer version wrote it.")
    return value


def _head_value(head: SegmentHead) -> dict[str, Any]:
    return {
        "run": run_value(head.run),
        "number": head.number,
        "first_gop": head.first_gop,
        "start_ns": head.start_ns,
        "previous_root": head.previous_root,
        "names": dict(head.names),
    }


def _head(value: dict[str, Any]) -> SegmentHead:
    try:
        bytes.fromhex(value["previous_root"])
        return SegmentHead(
            run_of(value["run"]),
            int(value["number"]),
            int(value["first_gop"]),
            int(value["start_ns"]),
            str(value["previous_root"]),
            {str(k): str(v) for k, v in value["names"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FootageError("what a Segment says of its Run is damaged") from error


def run_value(run: Run) -> dict[str, Any]:
    """A Run, as it is when it begins, as plain data."""
    clock = run.clock
    return {
        "id": run.id,
        "camera": run.stream.camera,
        "stream": str(run.stream.name),
        "site": run.site,
        "node": run.node,
        "epoch": run.epoch,
        "start_ns": run.start_ns,
        "anchor_ns": run.anchor_ns,
        "clock": {
            "boot_id": clock.boot_id,
            "mono_ns": clock.mono_ns,
            "wall_ns": clock.wall_ns,
            "synchronized": clock.synchronized,
            "offset_ns": clock.offset_ns,
            "rtcp_sender_ns": clock.rtcp_sender_ns,
        },
        "tracks": [_track_value(track) for track in run.info.tracks],
    }


def run_of(value: Mapping[str, Any]) -> Run:
    """The inverse of run_value; KeyError, TypeError or ValueError where it is none."""
    clock = value["clock"]
    tracks = tuple(_track(track) for track in value["tracks"])
    if not tracks or [track.number for track in tracks] != list(range(len(tracks))) or not tracks[0].codec.is_video:
        raise ValueError("tracks")
    return Run(
        str(value["id"]),
        StreamRef.parse(f"{value['camera']}/{value['stream']}"),
        str(value["site"]),
        str(value["node"]),
        int(value["epoch"]),
        RunInfo(tracks),
        int(value["start_ns"]),
        ClockState(
            str(clock["boot_id"]),
            int(clock["mono_ns"]),
            int(clock["wall_ns"]),
            bool(clock["synchronized"]),
            _optional(clock["offset_ns"]),
            _optional(clock["rtcp_sender_ns"]),
        ),
        int(value["anchor_ns"]),
    )


def _optional(value: Any) -> int | None:
    return None if value is None else int(value)


def _track_value(track: Track) -> dict[str, Any]:
    return {
        "number": track.number,
        "codec": str(track.codec),
        "extradata": base64.b64encode(track.extradata).decode(),
        "width": track.width,
        "height": track.height,
        "sample_rate": track.sample_rate,
        "channels": track.channels,
        "profile": track.profile,
    }


def _track(value: Mapping[str, Any]) -> Track:
    try:
        extradata = base64.b64decode(value["extradata"], validate=True)
    except binascii.Error as error:
        raise ValueError("extradata") from error
    return Track(
        int(value["number"]),
        Codec(value["codec"]),
        extradata,
        int(value["width"]),
        int(value["height"]),
        int(value["sample_rate"]),
        int(value["channels"]),
        str(value["profile"]),
    )
