"""A small RTSP client on a raw socket, for what libav would hide: status lines, headers, interleaved packets, FIN."""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress
from dataclasses import dataclass, field

from vms.simulator import digest


@dataclass
class Answer:
    """An answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class RtspClient:
    """One connection. `user` and `password` are used once a challenge was met."""

    url: str
    user: str = ""
    password: str = ""
    cseq: int = 0
    session: str = ""
    challenge: dict[str, str] = field(default_factory=dict)
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def connect(self) -> RtspClient:
        """Open the connection."""
        host, port = self.url.split("/")[2].split(":")
        self.reader, self.writer = await asyncio.open_connection(host, int(port))
        return self

    async def close(self) -> None:
        """Close it."""
        if self.writer is not None:
            self.writer.close()
            with suppress(ConnectionError):
                await self.writer.wait_closed()

    async def ask(self, method: str, url: str = "", **headers: str) -> Answer:
        """One request and its answer, without trying again."""
        self.cseq += 1
        url = url or self.url
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self.cseq}"]
        if self.session:
            lines.append(f"Session: {self.session}")
        if self.challenge:
            given = {"username": self.user, "uri": url} | self.challenge
            given["response"] = digest.response(method, given, self.user, self.password)
            lines.append("Authorization: Digest " + ", ".join(f'{name}="{value}"' for name, value in given.items()))
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        assert self.writer is not None
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
        return await self._answer()

    async def meet_challenge(self) -> Answer:
        """DESCRIBE, and where it is refused keep the challenge and DESCRIBE again."""
        answer = await self.ask("DESCRIBE")
        if answer.status != 401:
            return answer
        self.take_challenge(answer)
        return await self.ask("DESCRIBE")

    def take_challenge(self, refused: Answer) -> None:
        """Keep realm and nonce of a 401."""
        parts = refused.headers["www-authenticate"].removeprefix("Digest ").split(", ")
        given = {name: value.strip('"') for name, value in (part.split("=", 1) for part in parts)}
        self.challenge = {"realm": given["realm"], "nonce": given["nonce"]}

    async def play(self, transport: str = "RTP/AVP/TCP;unicast;interleaved=0-1") -> Answer:
        """DESCRIBE, SETUP, PLAY; the answer to PLAY."""
        await self.meet_challenge()
        setup = await self.ask("SETUP", f"{self.url}/trackID=0", Transport=transport)
        assert setup.status == 200, setup
        self.session = setup.headers["session"].split(";")[0]
        return await self.ask("PLAY", Range="npt=0-")

    async def packet(self) -> tuple[int, bytes]:
        """The next interleaved packet: channel and content."""
        assert self.reader is not None
        head = await self.reader.readexactly(4)
        assert head[:1] == b"$", head
        return head[1], await self.reader.readexactly(int.from_bytes(head[2:], "big"))

    async def unit(self) -> tuple[int, list[bytes]]:
        """RTP timestamp and payloads of the next access unit; RTCP is passed over."""
        payloads: list[bytes] = []
        while True:
            channel, packet = await self.packet()
            if channel != 0:
                continue
            payloads.append(packet[12:])
            if packet[1] & 0x80:
                return struct.unpack(">I", packet[4:8])[0], payloads

    async def _answer(self) -> Answer:
        assert self.reader is not None
        while (first := await self.reader.readexactly(1)) == b"$":
            head = await self.reader.readexactly(3)
            await self.reader.readexactly(int.from_bytes(head[1:], "big"))
        head = first + await self.reader.readuntil(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(lines[0].split(" ")[1]), headers, body)


def is_key(payloads: list[bytes]) -> bool:
    """Whether the unit begins with parameter sets (a STAP-A with an SPS in it)."""
    return payloads[0][0] & 0x1F == 24 and payloads[0][3] & 0x1F == 7
