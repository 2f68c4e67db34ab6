"""GStreamer's RTSP server, run by the system's Python (which has its bindings): /cam0 … /camN loop a file of units.

argv: file, codec (h264, h265), fps, cameras, user, password ("" for none), audio ("" or pcma, pcmu, aac). The file: a
line of JSON [[key, size], …], then the access units in Annex-B. Prints one line of JSON with the port.
"""

import json
import sys
from pathlib import Path

import gi

for name in ("Gst", "GstApp", "GstRtsp", "GstRtspServer"):
    gi.require_version(name, "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402 - after require_version

TICKS = "audiotestsrc is-live=true wave=ticks ! audio/x-raw"
AUDIO = {
    "": "",
    "pcma": f"{TICKS},rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay1 pt=8",
    "pcmu": f"{TICKS},rate=8000,channels=1 ! mulawenc ! rtppcmupay name=pay1 pt=0",
    "aac": f"{TICKS},rate=16000,channels=1 ! voaacenc ! rtpmp4gpay name=pay1 pt=97",
}


def read_units(path):
    """[(bytes, key), …]"""
    data = Path(path).read_bytes()
    end = data.index(b"\n")
    at, units = end + 1, []
    for key, size in json.loads(data[:end]):
        units.append((data[at : at + size], key))
        at += size
    return units


def feed(units, fps):
    """A handler of media-configure that loops the units with timestamps that never go back."""

    def configure(_factory, media):
        source = media.get_element().get_by_name("src")
        turn = [0]

        def need(appsrc, _bytes):
            n = turn[0]
            turn[0] += 1
            data, key = units[n % len(units)]
            buffer = Gst.Buffer.new_wrapped(data)
            buffer.pts = buffer.dts = n * Gst.SECOND // fps
            buffer.duration = Gst.SECOND // fps
            if not key:
                buffer.set_flags(Gst.BufferFlags.DELTA_UNIT)
            appsrc.emit("push-buffer", buffer)

        source.connect("need-data", need)

    return configure


def main(path, codec, fps, cameras, user, password, audio):
    """Serve until killed."""
    Gst.init(None)
    units = read_units(path)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    if user:
        auth = GstRtspServer.RTSPAuth()
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "viewer")
        auth.add_digest(user, password, token)
        server.set_auth(auth)
    caps = f"video/x-{codec},stream-format=byte-stream,alignment=au,framerate={fps}/1"
    for i in range(int(cameras)):
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_shared(True)
        factory.connect("media-configure", feed(units, int(fps)))
        source = f'appsrc name=src format=time max-buffers=2 max-bytes=0 block=false caps="{caps}"'
        factory.set_launch(f"( {source} ! rtp{codec}pay name=pay0 pt=96 config-interval=-1 {AUDIO[audio]} )")
        if user:
            access = "viewer,media.factory.access=(boolean)true,media.factory.construct=(boolean)true"
            factory.add_role_from_structure(Gst.Structure.from_string(access)[0])
        server.get_mount_points().add_factory(f"/cam{i}", factory)
    server.attach(None)
    print(json.dumps({"port": server.get_bound_port()}), flush=True)
    GLib.MainLoop().run()


main(*sys.argv[1:])
