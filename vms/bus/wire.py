"""Values of the bus as bytes and back, versioned: msgpack for plain data, a layout of our own for Packets. Pure.

A message is the version, its kind, and a body:
    value    msgpack; a noun of vms.domain is an extension with a number of its own (`NOUNS`) around a map of its
             fields, so that a version that knows more fields and one that knows fewer read each other
    media    a value whose `item` is a Packet: what else it holds as msgpack, then the Packet, its payload copied once
    request  how long the asker waits (ms), then a message of kind value or media
    error    code, message and hint of a VmsError
A number that is taken is never used again, and a change that an older version would misread raises VERSION.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import msgspec

from vms.bus.base import Value
from vms.domain.camera import StreamName, StreamRef
from vms.domain.footage import Copy, Fragment, Gop, GopSegment, IndexedSegment, Segment
from vms.domain.gap import Gap
from vms.domain.grant import LeaseGrant
from vms.domain.interval import Interval
from vms.domain.media import ClockState, Packet, Run, RunEnded, RunInfo, RunStarted, StreamState, Track
from vms.errors import BusError, InputError, VmsError, from_code

VERSION = 1

_VALUE, _MEDIA, _REQUEST, _ERROR = 1, 2, 3, 4
_PACKET = 1
# Numbers of the extensions of msgpack, 0 to 127; 1 is the Packet. Only ever add.
NOUNS: dict[type[Any], int] = {
    StreamRef: 2,
    Track: 3,
    RunInfo: 4,
    ClockState: 5,
    Run: 6,
    RunStarted: 7,
    RunEnded: 8,
    StreamState: 9,
    Segment: 10,
    Fragment: 11,
    IndexedSegment: 12,
    Gop: 13,
    GopSegment: 14,
    Gap: 15,
    Copy: 16,
    LeaseGrant: 17,
    Interval: 18,
}
_DECODERS = {number: msgspec.msgpack.Decoder(noun) for noun, number in NOUNS.items()}
_ENCODER = msgspec.msgpack.Encoder()

_HEAD = struct.Struct("!BB")
_WAIT = struct.Struct("!I")
_LENGTH = struct.Struct("!I")
_MAX_WAIT_MS = 2**32 - 1
# flags, track, bytes of the camera's and of the Run's id, seq, pts, dts, wall_ns; then both ids and the payload
_FIXED = struct.Struct("!BBBBQqqq")
_KEY, _SUB = 1, 2

_PLAIN = frozenset({type(None), bool, int, float, str, bytes})
# What msgspec and struct raise for what does not fit the format: too large a number, a lone surrogate, a foreign type.
_UNFIT = (msgspec.MsgspecError, struct.error, TypeError, ValueError, OverflowError, RecursionError)
# The same for bytes that are none of ours; UnicodeDecodeError is a ValueError.
_BROKEN = (msgspec.MsgspecError, struct.error, TypeError, ValueError, IndexError, RecursionError)


def encode(value: Value) -> bytes:
    """A value as a message; BusError where it holds what cannot travel."""
    try:
        return b"".join((bytes((VERSION,)), *_body(value)))
    except _UNFIT as error:
        raise BusError(f"a value cannot be put on the bus: {type(error).__name__}") from error


def encode_request(value: Value, timeout_s: float) -> bytes:
    """The same with the time that the asker waits, after which nobody needs the answer."""
    wait_ms = min(_MAX_WAIT_MS, max(0, round(timeout_s * 1000)))
    try:
        return b"".join((_HEAD.pack(VERSION, _REQUEST), _WAIT.pack(wait_ms), *_body(value)))
    except _UNFIT as error:
        raise BusError(f"a value cannot be put on the bus: {type(error).__name__}") from error


def encode_error(error: VmsError) -> bytes:
    """An error as the answer to a request."""
    fields = {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "reason": error.reason,
        "params": error.params,
        "field": error.field if isinstance(error, InputError) else "",
    }
    return _HEAD.pack(VERSION, _ERROR) + _ENCODER.encode(fields)


def decode(data: bytes) -> Value:
    """The value of a message, or of an answer; the error of one raises. BusError where it cannot be read."""
    kind, body = _open(data)
    if kind == _ERROR:
        raise _error(body)
    try:
        return _value(kind, body)
    except _BROKEN as error:
        raise BusError(f"a message of the bus cannot be read: {type(error).__name__}") from error


def decode_request(data: bytes) -> tuple[Value, float]:
    """The value of a request and how many seconds its asker waits."""
    kind, body = _open(data)
    if kind != _REQUEST:
        raise BusError("a message of the bus is no request")
    try:
        (wait_ms,) = _WAIT.unpack_from(body)
        return _value(body[_WAIT.size], body[_WAIT.size + 1 :]), wait_ms / 1000
    except _BROKEN as error:
        raise BusError(f"a request on the bus cannot be read: {type(error).__name__}") from error


def _open(data: bytes) -> tuple[int, memoryview]:
    if len(data) < _HEAD.size:
        raise BusError("a message of the bus is cut off")
    if data[0] != VERSION:
        raise BusError(
            f"a message of the bus has version {data[0]}; this node reads {VERSION}", hint="Update the older nodes."
        )
    return data[1], memoryview(data)[_HEAD.size :]


def _body(value: Value) -> tuple[bytes, ...]:
    packet = value.get("item")
    if type(packet) is not Packet:
        return bytes((_VALUE,)), _ENCODER.encode(_plain(value))
    rest = _ENCODER.encode({k: _plain(v) for k, v in value.items() if k != "item"})
    return bytes((_MEDIA,)), _LENGTH.pack(len(rest)), rest, *_packet_parts(packet)


def _value(kind: int, body: memoryview) -> Value:
    if kind == _MEDIA:
        (length,) = _LENGTH.unpack_from(body)
        end = _LENGTH.size + length
        value = _mapping(body[_LENGTH.size : end])
        value["item"] = _packet(body[end:])
        return value
    if kind == _VALUE:
        return _mapping(body)
    raise BusError(f"a message of the bus is of an unknown kind ({kind})", hint="Update the older nodes.")


def _mapping(body: memoryview) -> dict[str, Any]:
    value = _decoder.decode(body)
    if not isinstance(value, dict):
        raise TypeError
    return value


def _plain(value: Any) -> Any:
    """The value with each noun in it as an extension; lists, maps and what is in them are gone through."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is Packet:
        return msgspec.msgpack.Ext(_PACKET, b"".join(_packet_parts(value)))
    if (number := NOUNS.get(kind)) is not None:
        return msgspec.msgpack.Ext(number, _ENCODER.encode(value))
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, str | int | float):  # StrEnum and the like travel as what they are of
        return value
    raise TypeError(kind.__name__)


def _packet_parts(packet: Packet) -> tuple[bytes, ...]:
    camera, run = packet.stream.camera.encode(), packet.run.encode()
    flags = (_KEY if packet.is_key else 0) | (_SUB if packet.stream.name is StreamName.SUB else 0)
    fixed = _FIXED.pack(
        flags, packet.track, len(camera), len(run), packet.seq, packet.pts_90k, packet.dts_90k, packet.wall_ns
    )
    return fixed, camera, run, packet.payload


def _packet(body: memoryview) -> Packet:
    flags, track, camera_bytes, run_bytes, seq, pts, dts, wall_ns = _FIXED.unpack_from(body)
    at_run = _FIXED.size + camera_bytes
    at_payload = at_run + run_bytes
    if at_payload > len(body):
        raise ValueError
    name = StreamName.SUB if flags & _SUB else StreamName.MAIN
    stream = StreamRef(str(body[_FIXED.size : at_run], "utf-8"), name)
    run = str(body[at_run:at_payload], "utf-8")
    return Packet(stream, run, track, seq, pts, dts, wall_ns, bool(flags & _KEY), bytes(body[at_payload:]))


def _noun(number: int, data: memoryview) -> Any:
    if number == _PACKET:
        return _packet(data)
    decoder = _DECODERS.get(number)
    if decoder is None:
        raise ValueError(number)
    return decoder.decode(data)


_decoder = msgspec.msgpack.Decoder(ext_hook=_noun)


def _error(body: memoryview) -> VmsError:
    try:
        fields = _mapping(body)
        code, message, hint, reason = (str(fields[name]) for name in ("code", "message", "hint", "reason"))
        error = from_code(code, message, hint, reason, {str(k): str(v) for k, v in fields["params"].items()})
    except (*_BROKEN, LookupError, AttributeError):
        return BusError("an error came over the bus that cannot be read")
    if isinstance(error, InputError):
        error.field = str(fields.get("field", ""))
    return error
