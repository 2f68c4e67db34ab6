"""GStreamer's server, which the ingest tests pull from, and GStreamer's client on our server: each with the other."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import av
import pytest

from tests.gst_fixture import SMALL, SYSTEM_PYTHON, running_gst
from tests.simulator_fixture import RunningSimulator, simulator
from vms.simulator import barcode

__all__ = ["simulator"]
pytestmark = pytest.mark.servers

CLIENT = """
import gi, sys
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
url, transport, user, password = sys.argv[1:]
source = f"rtspsrc location={url} protocols={transport} user-id={user} user-pw={password}"
pipe = Gst.parse_launch(f"{source} ! rtph264depay ! h264parse ! fakesink name=s num-buffers=30 signal-handoffs=true")
count = [0]
pipe.get_by_name("s").connect("handoff", lambda *_: count.__setitem__(0, count[0] + 1))
pipe.set_state(Gst.State.PLAYING)
end = pipe.get_bus().timed_pop_filtered(20 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
pipe.set_state(Gst.State.NULL)
print(count[0] if end and end.type == Gst.MessageType.EOS else "failed")
"""


def pull(url: str, transport: str, count: int) -> tuple[set[str], list[int | None]]:
    """Codecs, and the barcodes of the first `count` video frames. Blocking."""
    with av.open(url, format="rtsp", options={"rtsp_transport": transport}, timeout=(10, 10)) as container:
        names = {stream.codec_context.name for stream in container.streams}
        read: list[int | None] = []
        for packet in container.demux(video=0):
            read += [barcode.read(frame.to_ndarray()[: frame.height]) for frame in packet.decode()]
            if len(read) >= count:
                break
    return names, read[:count]


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_gst_server_behind_digest(transport: str) -> None:
    """Refused without a password, else every frame of the scene in order, on each of its cameras."""
    async with running_gst(cameras=2, username="gst", password="kata-sandi") as server:
        with pytest.raises(av.error.HTTPUnauthorizedError):
            await asyncio.to_thread(pull, server.url(0), transport, 1)
        for camera in range(2):
            names, read = await asyncio.to_thread(pull, server.url(camera, login=True), transport, 25)
            assert names == {"h264"}
            assert read == list(range(25))


@pytest.mark.parametrize(
    ("codec", "audio", "names"),
    [("h265", "", {"hevc"}), ("h264", "aac", {"h264", "aac"}), ("h264", "pcma", {"h264", "pcm_alaw"})],
)
async def test_gst_server_variants(codec: str, audio: str, names: set[str]) -> None:
    """H.265 and audio are offered too."""
    async with running_gst(picture=replace(SMALL, codec=codec), audio=audio) as server:
        assert (await asyncio.to_thread(pull, server.url(), "tcp", 3))[0] == names


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_gst_client_plays_the_simulator(simulator: RunningSimulator, transport: str) -> None:
    """A client that nobody here wrote gets along with our server, Digest included."""
    arguments = (simulator.cameras[0].main, transport, simulator.username, simulator.password)
    process = await asyncio.create_subprocess_exec(
        SYSTEM_PYTHON, "-c", CLIENT, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert out.strip() == b"30"
