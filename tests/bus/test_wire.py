"""vms.bus.wire: what goes in comes out, whatever it is, and bytes that are none of ours are an error and no more."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import types
import typing
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vms.bus import wire
from vms.domain.camera import StreamName, StreamRef
from vms.domain.interval import Interval
from vms.domain.media import Packet, RunEnded
from vms.errors import BusError, BusTimeoutError, CameraUrlError, VmsError, from_code

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
INT = st.integers(-(2**63), 2**63 - 1)


def of_type(kind: Any) -> st.SearchStrategy[Any]:
    """Values of an annotation, nouns of the domain and what they hold."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Interval:
        return st.tuples(st.integers(0, 2**62), st.integers(1, 2**61)).map(lambda t: Interval(t[0], t[0] + t[1]))
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return st.builds(kind, **{f.name: of_type(hints[f.name]) for f in dataclasses.fields(kind)})
    if origin in {typing.Union, types.UnionType}:
        return st.one_of([of_type(argument) for argument in arguments])
    if origin is tuple:
        return st.lists(of_type(arguments[0]), max_size=3).map(tuple)
    if origin is not None:  # Mapping[str, str] is all there is
        return st.dictionaries(of_type(arguments[0]), of_type(arguments[1]), max_size=3)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return st.sampled_from(kind)
    return {int: INT, str: TEXT, bytes: st.binary(max_size=60), bool: st.booleans(), type(None): st.none()}[kind]


PACKETS = st.builds(
    Packet,
    stream=of_type(StreamRef),
    run=TEXT,
    track=st.integers(0, 255),
    seq=st.integers(0, 2**64 - 1),
    pts_90k=INT,
    dts_90k=INT,
    wall_ns=INT,
    is_key=st.booleans(),
    payload=st.binary(max_size=300),
)
NOUNS = st.one_of([of_type(noun) for noun in wire.NOUNS])
LEAVES = st.one_of(
    st.none(), st.booleans(), INT, st.floats(allow_nan=False), TEXT, st.binary(max_size=40), PACKETS, NOUNS
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8
)
MESSAGES = st.dictionaries(TEXT, VALUES, max_size=4)


@given(MESSAGES)
def test_a_value_comes_back_equal(value: dict[str, Any]) -> None:
    """Plain data and nouns, nested in any way."""
    back = wire.decode(wire.encode(value))
    assert back == value
    assert repr(back) == repr(value)


@given(PACKETS, MESSAGES)
def test_media_comes_back_equal_beside_anything(packet: Packet, rest: dict[str, Any]) -> None:
    """The layout of its own, and types too: bytes are bytes."""
    value = {**rest, "item": packet}
    back = wire.decode(wire.encode(value))
    assert back == value
    assert type(back["item"].payload) is bytes
    assert isinstance(back["item"].stream.name, StreamName)


@pytest.mark.parametrize("noun", sorted(wire.NOUNS, key=lambda noun: noun.__name__), ids=lambda noun: noun.__name__)
def test_each_noun_comes_back_as_what_it_is(noun: type[Any]) -> None:
    """Its class, and those of the fields within."""

    @settings(max_examples=20)
    @given(of_type(noun))
    def law(value: Any) -> None:
        back = wire.decode(wire.encode({"n": value}))["n"]
        assert type(back) is noun
        assert repr(back) == repr(value)

    law()


@given(MESSAGES, st.floats(0, 3600))
def test_a_request_carries_how_long_its_asker_waits(value: dict[str, Any], timeout_s: float) -> None:
    """To the millisecond."""
    back, wait_s = wire.decode_request(wire.encode_request(value, timeout_s))
    assert back == value
    assert abs(wait_s - timeout_s) <= 0.001


def _all_errors(base: type[VmsError]) -> list[type[VmsError]]:
    return [base, *(found for child in base.__subclasses__() for found in _all_errors(child))]


@pytest.mark.parametrize(
    "kind",
    [k for k in _all_errors(VmsError) if "code" in vars(k) and k.__module__ == "vms.errors"],
    ids=lambda k: k.__name__,
)
def test_every_error_comes_back_as_its_class(kind: type[VmsError]) -> None:
    """With message, hint, reason and params."""
    error = from_code(kind.code, "what", "way out", "why", {"p": "1"})
    with pytest.raises(kind) as caught:
        wire.decode(wire.encode_error(error))
    assert type(caught.value) is type(error)
    assert vars(caught.value) == vars(error)


def test_the_field_of_an_input_error_travels() -> None:
    """So that a form can point at it."""
    with pytest.raises(CameraUrlError) as caught:
        wire.decode(wire.encode_error(CameraUrlError("no", field="url")))
    assert caught.value.field == "url"


@given(st.binary(max_size=80))
def test_foreign_bytes_are_a_bus_error(data: bytes) -> None:
    """Whatever they are."""
    for read in (wire.decode, wire.decode_request):
        for body in (data, b"\x01" + data, *(bytes((1, kind)) + data for kind in range(6))):
            with contextlib.suppress(VmsError):
                read(body)


@given(MESSAGES, st.data())
def test_cut_or_changed_bytes_are_a_bus_error_or_another_value(value: dict[str, Any], data: st.DataObject) -> None:
    """Never anything else, and never a crash."""
    whole = bytearray(wire.encode(value))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    for body in (bytes(whole), bytes(whole[:at])):
        with contextlib.suppress(VmsError):
            assert isinstance(wire.decode(body), dict)


@pytest.mark.parametrize(
    "what",
    [object(), 2**64, {1, 2}, "\ud800", 1j, Packet(StreamRef("c", StreamName.SUB), "r", 256, 0, 0, 0, 0, True, b"")],
)
def test_what_does_not_fit_is_a_bus_error(what: object) -> None:
    """At the sender, not at the receiver."""
    for value in ({"x": what}, {"item": what}, {"deep": [{"x": what}]}):
        with pytest.raises(BusError, match="cannot be put"):
            wire.encode(value)


def test_another_version_is_said() -> None:
    """A node that was not updated yet says what it has met."""
    with pytest.raises(BusError, match="version 2"):
        wire.decode(b"\x02\x01\x80")


def test_a_noun_with_more_fields_is_read_by_one_who_knows_fewer() -> None:
    """Fields are found by name: one that is unknown is left, one that is missing has its default."""
    fields = {
        "stream": {"camera": "c", "name": "sub"},
        "run": "r",
        "end_ns": 5,
        "reason": "overload",
        "packets": 3,
        "new": [1],
    }
    ext = msgspec.msgpack.Ext(wire.NOUNS[RunEnded], msgspec.msgpack.encode(fields))
    got = wire.decode(b"\x01\x01" + msgspec.msgpack.encode({"item": ext}))["item"]
    assert got == RunEnded(StreamRef("c", StreamName.SUB), "r", 5, got.reason, 3)


def test_the_layout_does_not_change_by_accident() -> None:
    """Golden bytes of version 1: nodes of several versions meet during an update."""
    packet = Packet(StreamRef("cam", StreamName.SUB), "run", 1, 2, 3, -4, 5, True, b"\x00\x00\x01")
    media = wire.encode({"item": packet, "n": 7})
    assert media.hex() == (
        "01020000000481a16e07"  # version, media; {n: 7}
        "030103030000000000000002"  # key and sub, track, lengths of the ids, seq
        "0000000000000003fffffffffffffffc0000000000000005"  # pts, dts, wall
        "63616d72756e000001"  # ids, payload
    )
    stream = wire.encode({"s": packet.stream})
    assert stream.hex() == "010181a173c7150282a663616d657261a363616da46e616d65a3737562"
    assert {noun.__name__: number for noun, number in wire.NOUNS.items()} == {
        "StreamRef": 2, "Track": 3, "RunInfo": 4, "ClockState": 5, "Run": 6, "RunStarted": 7, "RunEnded": 8,
        "StreamState": 9, "Segment": 10, "Fragment": 11, "IndexedSegment": 12, "Gop": 13, "GopSegment": 14, "Gap": 15,
        "Copy": 16, "LeaseGrant": 17, "Interval": 18,
    }  # fmt: skip


def test_an_error_that_cannot_be_read_is_a_bus_error() -> None:
    """Not taken for an answer, not for a time-out."""
    for body in (b"", b"\x80", b"\x90", b"\xc1", msgspec.msgpack.encode({"code": "bus_timeout"})):
        with pytest.raises(BusError) as caught:
            wire.decode(b"\x01\x04" + body)
        assert not isinstance(caught.value, BusTimeoutError)
