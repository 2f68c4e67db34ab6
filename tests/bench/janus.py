"""Janus' streaming plugin (Debian) as the rival of C3: one RTP mountpoint, watched by the same receivers.

A process of its own on free ports of this machine, ruled over its HTTP interface; fed with plain RTP of the units that
our streamer sends too.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import shutil
import socket
import struct
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

from streamer.ice import own_addresses
from streamer.rtp import packetize
from tests.bench.lone_streamer import units
from tests.bench.process import cpu_s, running
from tests.bench.receiver import Receiver, feed_back
from tests.streamer.fake_ingest import FPS

_LIMIT_S = 15
_MAIN = """
general: {{ configs_folder = "{folder}"; plugins_folder = "{lib}/plugins"; transports_folder = "{lib}/transports";
  events_folder = "{lib}/events"; loggers_folder = "{lib}/loggers"; debug_level = 2; }}
nat: {{ ice_lite = false; ice_enforce_list = "{address}"; }}
media: {{ }}
plugins: {{ disable = "{plugins}"; }}
transports: {{ disable = "libjanus_websockets.so,libjanus_pfunix.so,libjanus_mqtt.so,libjanus_nanomsg.so"; }}
"""
_HTTP = 'general: {{ json = "plain"; base_path = "/janus"; http = true; port = {port}; ip = "127.0.0.1"; }}\n'
_STREAM = """
bench: {{ type = "rtp"; id = 1; is_private = false; media = (
  {{ type = "video"; mid = "v"; label = "v"; port = {port}; pt = 96; codec = "h264";
     fmtp = "profile-level-id=42e01f;packetization-mode=1"; }} ); }}
"""


def _library() -> Path | None:
    return next(iter(Path("/usr/lib").glob("*/janus")), None)


def available() -> bool:
    """Whether Debian's package is installed."""
    return shutil.which("janus") is not None and _library() is not None


def _free_port(kind: int) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Janus:
    """One running server with one mountpoint."""

    def __init__(self, pid: int, http_port: int, rtp_port: int) -> None:
        self.pid, self.rtp_port = pid, rtp_port
        self._http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{http_port}", timeout=_LIMIT_S, trust_env=False)

    async def _post(self, path: str, **value: Any) -> dict[str, Any]:
        answer = await self._http.post(f"/janus{path}", json={"transaction": str(random.random()), **value})
        said: dict[str, Any] = answer.raise_for_status().json()
        if said["janus"] == "error":
            raise AssertionError(said["error"]["reason"])
        return said

    async def until_ready(self) -> None:
        """Wait until it answers."""
        async with asyncio.timeout(_LIMIT_S):
            while True:
                with contextlib.suppress(httpx.TransportError):
                    await self._http.get("/janus/info")
                    return
                await asyncio.sleep(0.1)

    async def watch(self, receiver: Receiver) -> None:
        """The receiver becomes a viewer."""
        session = f"/{(await self._post('', janus='create'))['data']['id']}"
        attached = await self._post(session, janus="attach", plugin="janus.plugin.streaming")
        handle = f"{session}/{attached['data']['id']}"
        await self._post(handle, janus="message", body={"request": "watch", "id": 1})
        offer = ""
        async with asyncio.timeout(_LIMIT_S):
            while not offer:
                event = (await self._http.get(f"/janus{session}?maxev=1")).json()
                offer = event.get("jsep", {}).get("sdp", "")
        mid = re.findall(r"a=mid:(\S+)", offer)[0]
        answer = (await receiver.answer_to(offer)).replace("a=mid:0", f"a=mid:{mid}")
        answer = answer.replace("BUNDLE 0", f"BUNDLE {mid}")
        candidate = receiver.gatherer.getLocalCandidates()[0]
        answer += f"a=candidate:1 1 udp 2130706431 {candidate.ip} {candidate.port} typ host\r\na=end-of-candidates\r\n"
        jsep = {"type": "answer", "sdp": answer}
        await self._post(handle, janus="message", body={"request": "start"}, jsep=jsep)
        await receiver.connect(offer)

    async def close(self) -> None:
        """Ask no more."""
        await self._http.aclose()


@contextlib.asynccontextmanager
async def _running(address: str) -> AsyncIterator[Janus]:
    library = _library()
    assert library is not None
    http_port, rtp_port = _free_port(socket.SOCK_STREAM), _free_port(socket.SOCK_DGRAM)
    others = ",".join(p.name for p in (library / "plugins").glob("*.so") if "streaming" not in p.name)
    with tempfile.TemporaryDirectory(prefix="vms-janus-") as folder:
        place = Path(folder)
        main = _MAIN.format(folder=folder, lib=library, address=address, plugins=others)
        (place / "janus.jcfg").write_text(main)
        (place / "janus.transport.http.jcfg").write_text(_HTTP.format(port=http_port))
        (place / "janus.plugin.streaming.jcfg").write_text(_STREAM.format(port=rtp_port))
        async with running(["janus", "-F", folder, "-C", str(place / "janus.jcfg"), "-o"], quiet=True) as process:
            reading = asyncio.create_task(_read_away(process))
            janus = Janus(process.pid, http_port, rtp_port)
            await janus.until_ready()
            try:
                yield janus
            finally:
                await janus.close()
                reading.cancel()


async def _read_away(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    while await process.stdout.readline():
        pass


async def _feed(port: int, kbps: int) -> None:
    """Plain RTP at true pace."""
    frames = [packetize(unit, hevc=False) for unit in units(kbps)]
    number, began = 1, time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for n in range(1 << 30):
            payloads = frames[n % len(frames)].payloads
            for at, payload in enumerate(payloads):
                marker = 0x80 if at == len(payloads) - 1 else 0
                header = struct.pack("!BBHII", 0x80, 96 | marker, number & 0xFFFF, n * 3600 & 0xFFFFFFFF, 7)
                sock.sendto(header + payload, ("127.0.0.1", port))
                number += 1
            await asyncio.sleep(max(0, began + (n + 1) / FPS - time.monotonic()))


async def packet_us(viewers: int, kbps: int, seconds: float, nack: float) -> float:
    """CPU of its process for each RTP packet that arrived, microseconds."""
    address = own_addresses()[0]
    async with _running(address) as janus:
        feeding = asyncio.create_task(_feed(janus.rtp_port, kbps))
        receivers = [Receiver(nack=nack, seed=n, address=address) for n in range(viewers)]
        for receiver in receivers:
            await janus.watch(receiver)
        telling = asyncio.create_task(feed_back(receivers))
        await asyncio.sleep(3)
        packets, cpu = sum(r.packets for r in receivers), cpu_s(janus.pid)
        await asyncio.sleep(seconds)
        packets, cpu = sum(r.packets for r in receivers) - packets, cpu_s(janus.pid) - cpu
        for task in (telling, feeding):
            task.cancel()
        for receiver in receivers:
            receiver.vanish()
        return cpu / packets * 1e6
