"""`python -m vms.simulator`: simulated cameras until SIGTERM, SIGINT or (if asked) the end of standard input.

Prints one line of JSON on standard output when the cameras are there; what it does meanwhile is told on stderr.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import signal
import sys
import threading
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path

from vms.simulator import encoder
from vms.simulator.options import Picture, SimulatorOptions, parse_size
from vms.simulator.server import Simulator


def parse(arguments: Sequence[str] | None = None) -> tuple[SimulatorOptions, bool]:
    """The options, and whether the end of standard input ends the process."""
    flags = argparse.ArgumentParser(prog="python -m vms.simulator", description="Simulated cameras over RTSP.")
    add = flags.add_argument
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", type=int, default=0, help="RTSP port; 0: any free one")
    add("--control-port", type=int, default=0, help="port for faults; 0: any free one")
    add("--cameras", type=int, default=12, help="how many; beyond twelve the scenes come again")
    add("--username", default="operator", help="empty: no sign-in")
    add("--password", default=None, help="made up when not given")
    add("--cache", type=Path, default=Path("build/scenes"), help="folder of encoded scenes")
    add("--send-log", default="none", help="folder of the send logs, or none")
    add("--streams", default="main,sub", help="of main, sub, main-h265, main-bframes; with commas")
    add("--main-size", default="1280x720")
    add("--main-fps", type=int, default=25)
    add("--main-kbps", type=int, default=1500)
    add("--sub-size", default="640x360")
    add("--sub-fps", type=int, default=15)
    add("--sub-kbps", type=int, default=300)
    add("--gop-s", type=float, default=2.0, help="seconds from key frame to key frame")
    add("--loop-s", type=float, default=20.0, help="seconds until the scene comes again")
    add("--until-stdin-closes", action="store_true", help="end when standard input ends")
    given = flags.parse_args(arguments)
    try:
        streams = tuple((name, _picture(name, given)) for name in given.streams.split(","))
        if given.cameras < 1:
            raise ValueError("at least one camera")
    except ValueError as error:
        flags.error(str(error))
    options = SimulatorOptions(
        cache=given.cache,
        host=given.host,
        port=given.port,
        control_port=given.control_port,
        cameras=given.cameras,
        username=given.username,
        password=secrets.token_hex(6) if given.password is None else given.password,
        send_log=None if given.send_log == "none" else Path(given.send_log),
        streams=streams,
    )
    return options, given.until_stdin_closes


def _picture(name: str, given: argparse.Namespace) -> Picture:
    base, _, variant = name.partition("-")
    if base not in {"main", "sub"} or variant not in {"", "h265", "bframes"}:
        raise ValueError(f"no such stream: {name}")
    size, fps, kbps = (getattr(given, f"{base}_{what}") for what in ("size", "fps", "kbps"))
    return Picture(
        *parse_size(size),
        fps=fps,
        kbps=kbps,
        gop_s=given.gop_s,
        loop_s=given.loop_s,
        codec="h265" if variant == "h265" else "h264",
        b_frames=2 if variant == "bframes" else 0,
    )


async def _serve(options: SimulatorOptions, *, until_stdin_closes: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if until_stdin_closes:
        threading.Thread(target=_watch_stdin, args=(loop, stop), daemon=True).start()
    simulator = Simulator(options)
    starting = asyncio.create_task(simulator.start())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        await starting
        sys.stdout.write(json.dumps(simulator.facts()) + "\n")
        sys.stdout.flush()
        await stopping
    else:
        while not starting.done():  # its processes may only be about to start
            encoder.abandon()
            await asyncio.wait({starting}, timeout=0.2)
        with suppress(BrokenProcessPool):
            await starting
    await simulator.stop()


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # Not sys.stdin: its lock, held by this thread, aborts the interpreter when it ends by an error.
    while os.read(0, 4096):
        pass
    with suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(stop.set)


def main() -> None:
    """Entry point."""
    options, until_stdin_closes = parse()
    try:
        asyncio.run(_serve(options, until_stdin_closes=until_stdin_closes))
    except OSError as error:
        sys.stderr.write(f"simulator: {error.strerror or error}\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
