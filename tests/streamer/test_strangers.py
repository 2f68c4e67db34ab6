"""Attacks 76 and 77: what anybody can send to a viewer's port, while it connects and while it watches."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from aioice import stun

from tests.streamer.conftest import Studio
from tests.streamer.player import player, until

NULL_CIPHERS = (0x0000, 0x0001, 0x0002, 0x003B, 0xC006, 0xC010)
GOOD_CIPHERS = (0xC02B, 0xC02C, 0xCCA9, 0xC009)


def hello(ciphers: tuple[int, ...], seq: int = 0) -> bytes:
    """A ClientHello of DTLS 1.2 (RFC 6347 §4.2.2), whole, in a record of epoch 0."""
    suites = b"".join(struct.pack("!H", one) for one in ciphers)
    extensions = bytes.fromhex("000a00080006001d00170018000b00020100000d0006000404030804")
    body = b"\xfe\xfd" + os.urandom(32) + b"\0\0" + struct.pack("!H", len(suites)) + suites + b"\1\0"
    body += struct.pack("!H", len(extensions)) + extensions
    size = len(body).to_bytes(3, "big")
    message = b"\1" + size + b"\0\0" + bytes(3) + size + body
    return b"\x16\xfe\xfd\0\0" + seq.to_bytes(6, "big") + struct.pack("!H", len(message)) + message


def check(username: str, password: str) -> bytes:
    """A connectivity check of ICE under that name and password (RFC 8445 §7.2)."""
    message = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 1
    message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(password.encode())
    message.add_fingerprint()
    return bytes(message)


@contextmanager
def stranger(sdp: str) -> Iterator[socket.socket]:
    """A socket of somebody else, talking to the first candidate of the answer."""
    found = re.search(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", sdp)
    assert found is not None
    with socket.socket(socket.AF_INET6 if ":" in found[1] else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect((found[1], int(found[2])))
        yield sock


def rubbish(ufrag: str) -> list[bytes]:
    """Checks with a wrong password, of another session and cut short; handshakes; alerts; keyless media."""
    good = check(f"{ufrag}:abcd", "wrong-password-of-24-chars")
    return [
        good, good[:20], good[:-4], check("zzzz:abcd", "x" * 24), check(f"{ufrag}:{ufrag}", ""), check("", "x" * 24),
        hello(NULL_CIPHERS), hello(GOOD_CIPHERS), hello(GOOD_CIPHERS)[:40], b"\x15\xfe\xfd" + bytes(8) + b"\0\2\2\x28",
        b"\x17\xfe\xfd\0\1" + bytes(6) + b"\0\x10" + bytes(16), b"\x80\xc8" + bytes(60), b"\x80\x60" + os.urandom(200),
        b"\xff" * 1200, b"", b"\0",
    ]  # fmt: skip


async def test_a_viewer_beside_strangers(studio: Studio) -> None:
    """Before, during and after its handshake: the viewer connects and goes on watching, nobody else gets anything."""
    stream = studio.ingest.add()
    studio.ingest.play(stream)
    async with player() as viewer:
        value = {"camera": stream.ref.camera, "stream": "sub", "sdp": await viewer.offer()}
        answer = (await studio.bus.request("streamer.whep.open", value))["sdp"]
        ufrag = re.search(r"a=ice-ufrag:(\S+)", answer)
        assert ufrag is not None
        with stranger(answer) as sock:

            async def bother(times: int) -> None:
                for _ in range(times):
                    for data in rubbish(ufrag[1]):
                        sock.send(data)
                    await asyncio.sleep(0.005)

            await bother(5)
            bothering = asyncio.create_task(bother(60))
            await viewer.answer(answer)
            await viewer.luma()
            await bothering
            for seq in range(20):
                await viewer.luma()
                sock.send(hello(GOOD_CIPHERS, seq))
            got = []
            while True:
                try:
                    got.append(sock.recv(2000))
                except (BlockingIOError, ConnectionRefusedError):
                    break
            assert not [data for data in got if data[:1] in {b"\x14", b"\x16", b"\x17", b"\x80"}]
        assert len(studio.streamer.sessions) == 1
    await until(lambda: not studio.streamer.sessions)
