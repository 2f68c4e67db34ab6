"""`vms up`, `vms node`, `vms demo`: what runs until it is asked to end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from vms import demo, logs, registration, settings
from vms.cli.terminal import ConfigOption, DataOption, HttpOption, load
from vms.clock import SystemClock
from vms.errors import SettingsError
from vms.store import Catalogue

DemoDataOption = Annotated[Path, typer.Option("--data", envvar="VMS_DATA", help="Data folder of the demo.")]
DemoHttpOption = Annotated[str, typer.Option("--http", envvar="VMS_HTTP", help="HOST:PORT of the page.")]


def up(config: ConfigOption = None, data: DataOption = None, http: HttpOption = None) -> None:
    """Run every service in this process."""
    chosen = load(config, data, http)
    _quietly(chosen)
    _serve(_up(chosen))


async def _up(chosen: settings.Settings) -> None:
    from vms.app import running_node

    async with running_node(chosen, SystemClock()) as node:
        _settled()
        _say(f"VMS ready at {node.url}{_admin(node.first_admin)}")
        await asyncio.Event().wait()


def node(
    services: Annotated[str, typer.Option("--services", help="Comma separated: ingest, recorder, streamer, web.")],
    site: Annotated[str | None, typer.Option("--site", help="Slug of the Site it stands at; none: the center.")] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    http: HttpOption = None,
) -> None:
    """Run some services as one node of a cluster."""
    chosen = load(config, data, http)
    if chosen.cluster is None:
        raise SettingsError(
            "these settings have no section cluster", hint="See docs/cluster.md; vms up runs everything on one machine."
        )
    if site is not None:
        chosen = chosen.model_copy(update={"cluster": chosen.cluster.model_copy(update={"zone": site})})
    _quietly(chosen)
    _serve(_node(chosen, frozenset(name.strip() for name in services.split(",") if name.strip())))


async def _node(chosen: settings.Settings, services: frozenset[str]) -> None:
    from vms.app import running_node

    async with running_node(chosen, SystemClock(), services=services) as running:
        _settled()
        where = f" at {running.url}" if running.url else ""
        said = f"VMS node of {chosen.zone()} ready{where} | services: {', '.join(sorted(services))}"
        _say(said + _admin(running.first_admin))
        await asyncio.Event().wait()


def run_demo(
    config: ConfigOption = None,
    data: DemoDataOption = Path("data/demo"),
    http: DemoHttpOption = "127.0.0.1:8080",
) -> None:
    """Run every service with ten simulated cameras of five regencies."""
    base = load(config, data, http)
    _quietly(base)
    chosen = demo.demo_settings(data, http, base)
    demo.check_port(*chosen.listen())
    _serve(_demo(chosen))


def _quietly(chosen: settings.Settings) -> None:
    """Logs; on a terminal warnings alone, where the line with address and password would drown in what streams say."""
    logs.configure("WARNING" if chosen.log_level == "INFO" and sys.stderr.isatty() else chosen.log_level)


def _say(ready: str) -> None:
    """The ready line, apart from everything else where a person reads it; the one line where a program does."""
    print(f"\n{ready}\n" if sys.stdout.isatty() else ready, flush=True)


def _admin(admin: registration.FirstAdmin | None) -> str:
    if admin is None:
        return ""
    if admin.password is None:
        return f" | user: {admin.username} | password: as given in VMS_ADMIN_PASSWORD"
    return f" | user: {admin.username} | password: {admin.password} (change it after signing in)"


async def _demo(chosen: settings.Settings) -> None:
    from vms.app import hash_password, running_node
    from web.security.passwords import generated_password

    clock = SystemClock()
    given = chosen.admin_password
    password = given.get_secret_value() if given is not None else generated_password()
    async with demo.running_simulator(Path("build/scenes")) as simulated:

        async def register(catalogue: Catalogue) -> None:
            await demo.register(catalogue, simulated, clock, chosen.address_policy())
            await registration.first_admin(catalogue, password, hash_password)
            await registration.set_password(catalogue, registration.ADMIN, password, hash_password, must_change=False)

        async with running_node(chosen, clock, prepare=register) as node:
            _settled()
            _say(demo.ready_line(node.url, password, simulated))
            await asyncio.Event().wait()


def _settled() -> None:
    """What was made while starting stays: the collector need not walk it again and again beside live video."""
    gc.collect()
    gc.freeze()


async def _until_signal(main: Coroutine[Any, Any, None]) -> None:
    """Run until done, or asked to end: also while it still starts, all is given back."""
    task, loop = asyncio.ensure_future(main), asyncio.get_running_loop()
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    waiting = asyncio.create_task(asked.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if asked.is_set():
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _serve(main: Coroutine[Any, Any, None]) -> None:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_signal(main))
