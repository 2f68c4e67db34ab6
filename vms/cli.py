"""The `vms` command. Errors are one line with a way out; exit codes: 0 done, 1 failed, 2 wrong usage or settings.

Each command opens what it needs itself; nothing here holds logic that a test would want without a terminal.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

import config as shipped_config
from vms import __version__, datadir, demo, logs, registration, settings
from vms.clock import SystemClock
from vms.errors import InputError, SettingsError, VmsError
from vms.store import Catalogue

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Video management. Exit codes: 0 done, 1 failed, 2 wrong usage or settings.",
)
camera_app = typer.Typer(no_args_is_help=True, help="Cameras.")
user_app = typer.Typer(no_args_is_help=True, help="People who sign in.")
db_app = typer.Typer(no_args_is_help=True, help="The catalogue.")
app.add_typer(camera_app, name="camera")
app.add_typer(user_app, name="user")
app.add_typer(db_app, name="db")

ConfigOption = Annotated[Path | None, typer.Option("--config", help="Settings file; default config/vms.yaml.")]
DataOption = Annotated[Path | None, typer.Option("--data", help="Data folder (VMS_DATA).")]
HttpOption = Annotated[str | None, typer.Option("--http", help="HOST:PORT of the page (VMS_HTTP).")]
DemoDataOption = Annotated[Path, typer.Option("--data", envvar="VMS_DATA", help="Data folder of the demo.")]
DemoHttpOption = Annotated[str, typer.Option("--http", envvar="VMS_HTTP", help="HOST:PORT of the page.")]
_HERE = "command line"  # who did it, in the audit log
PasswordOption = Annotated[
    str | None, typer.Option("--password", envvar="VMS_PASSWORD", help="Asked for when not given.")
]


def load(config: Path | None, data: Path | None = None, http: str | None = None) -> settings.Settings:
    """Settings of the command line, the environment and the file, in that order."""
    here = Path("config/vms.yaml")
    shipped = Path(next(iter(shipped_config.__path__))) / "vms.yaml"
    path = config or (here if here.exists() else shipped)
    return settings.load(path, data=data, http=http)


@app.command()
def up(config: ConfigOption = None, data: DataOption = None, http: HttpOption = None) -> None:
    """Run every service in this process."""
    chosen = load(config, data, http)
    logs.configure(chosen.log_level)
    _serve(_up(chosen))


async def _up(chosen: settings.Settings) -> None:
    from vms.app import running_node

    async with running_node(chosen, SystemClock()) as node:
        admin = node.first_admin
        line = f"VMS ready at {node.url}"
        if admin is not None and admin.password is not None:
            line += f" | user: {admin.username} | password: {admin.password} (change it after signing in)"
        elif admin is not None:
            line += f" | user: {admin.username} | password: as given in VMS_ADMIN_PASSWORD"
        print(line, flush=True)
        await asyncio.Event().wait()


@app.command("demo")
def run_demo(
    config: ConfigOption = None,
    data: DemoDataOption = Path("data/demo"),
    http: DemoHttpOption = "127.0.0.1:8080",
) -> None:
    """Run every service with ten simulated cameras of five regencies."""
    base = load(config, data, http)
    logs.configure(base.log_level)
    _serve(_demo(demo.demo_settings(data, http, base)))


async def _demo(chosen: settings.Settings) -> None:
    from vms.app import hash_password, running_node

    clock = SystemClock()
    given = chosen.admin_password
    password = given.get_secret_value() if given is not None else registration.generated_password()
    async with demo.running_simulator(Path("build/scenes")) as simulated:

        async def register(catalogue: Catalogue) -> None:
            await demo.register(catalogue, simulated, clock, chosen.address_policy())
            await registration.first_admin(catalogue, password, hash_password)
            await registration.set_password(catalogue, registration.ADMIN, password, hash_password, must_change=False)

        async with running_node(chosen, clock, prepare=register) as node:
            print(demo.ready_line(node.url, password, simulated), flush=True)
            await asyncio.Event().wait()


@camera_app.command("probe")
def camera_probe(
    url: Annotated[str, typer.Argument(help="rtsp://HOST[:PORT]/PATH, without user and password.")],
    config: ConfigOption = None,
    username: Annotated[str, typer.Option("--username")] = "",
    password: PasswordOption = None,
    udp: Annotated[bool, typer.Option("--udp", help="Media over UDP instead of TCP.")] = False,
    picture: Annotated[Path | None, typer.Option("--picture", help="Write one JPEG there.")] = None,
) -> None:
    """Say in plain words what a URL gives, or why it gives nothing."""
    chosen = load(config)
    secret = _asked(password) if username else ""
    from vms.app import probe_url

    report = asyncio.run(probe_url(chosen, url, username, secret, "udp" if udp else "tcp"))
    print(report.message)
    if report.hint:
        print(report.hint)
    for name, value in report.facts.items():
        print(f"  {name}: {value}")
    for warning in report.warnings:
        print(f"Warning: {warning.text}")
    if picture is not None and report.jpeg is not None:
        try:
            picture.write_bytes(report.jpeg)
        except OSError as error:
            raise SettingsError(f"cannot write {picture}: {error.strerror}", hint="Give another --picture.") from None
        print(f"Picture: {picture}")
    if not report.ok:
        raise typer.Exit(1)


@camera_app.command("list")
def camera_list(config: ConfigOption = None, data: DataOption = None) -> None:
    """Cameras by site."""

    async def work(catalogue: Catalogue) -> None:
        names = {site.id: site.name for site in await catalogue.sites.list()}
        rows = [
            (names[camera.site], camera.slug, camera.name, camera.streams[0].url, "yes" if camera.enabled else "no")
            for camera in await catalogue.cameras.list()
        ]
        _print_table(("site", "camera", "name", "main", "enabled"), rows)

    _with_catalogue(load(config, data), work)


@camera_app.command("add")
def camera_add(
    site: Annotated[str, typer.Argument(help="Slug of the site.")],
    name: Annotated[str, typer.Argument()],
    main: Annotated[str, typer.Argument(help="RTSP URL of the main stream.")],
    sub: Annotated[str | None, typer.Option("--sub", help="RTSP URL of the sub stream.")] = None,
    username: Annotated[str, typer.Option("--username")] = "",
    password: PasswordOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Register a camera; a running node notices it within seconds."""
    chosen = load(config, data)
    secret = _asked(password) if username else ""
    item = registration.camera_settings(site, name, main, sub, username, secret)

    async def work(catalogue: Catalogue) -> None:
        camera = await registration.add_camera(catalogue, item, SystemClock(), chosen.address_policy())
        await catalogue.audit.add(_HERE, "camera.add", camera.id, {"slug": camera.slug})
        print(f"registered {camera.slug}")

    _with_catalogue(chosen, work)


@user_app.command("list")
def user_list(config: ConfigOption = None, data: DataOption = None) -> None:
    """Accounts."""

    async def work(catalogue: Catalogue) -> None:
        people = await catalogue.people.list()
        _print_table(("user", "name", "enabled"), [(p.username, p.name, "yes" if p.enabled else "no") for p in people])

    _with_catalogue(load(config, data), work)


@user_app.command("password")
def user_password(
    username: Annotated[str, typer.Argument()],
    password: PasswordOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Set a password and end the sessions of that account."""
    from vms.app import hash_password

    secret = _asked(password, confirm=True)

    async def work(catalogue: Catalogue) -> None:
        if not await registration.set_password(catalogue, username, secret, hash_password, must_change=False):
            raise SettingsError(f"there is no account {username!r}", hint="See vms user list.")
        await catalogue.audit.add(_HERE, "person.password", username)
        print(f"password of {username} changed; its sessions have ended")

    _with_catalogue(load(config, data), work)


@db_app.command("upgrade")
def db_upgrade(config: ConfigOption = None, data: DataOption = None) -> None:
    """Bring the catalogue to this version's schema (every start does it too)."""

    async def work(catalogue: Catalogue) -> None:
        print(f"the catalogue is at schema {await catalogue.schema_version()}")

    _with_catalogue(load(config, data), work)


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


def _print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """As wide as it must be where no terminal bounds it; names are text, whatever brackets they hold."""
    table = Table(*head, box=None)
    for row in rows:
        table.add_row(*map(Text, row))
    width = (
        None if sys.stdout.isatty() else 20 + sum(max(map(len, column)) * 2 for column in zip(head, *rows, strict=True))
    )
    Console(width=width).print(table)


def _asked(given: str | None, *, confirm: bool = False) -> str:
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise SettingsError("no password given", hint="Set VMS_PASSWORD or run it on a terminal.")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=confirm))


def _with_catalogue(chosen: settings.Settings, work: Callable[[Catalogue], Awaitable[None]]) -> None:
    from vms.app import catalogue_url

    async def run() -> None:
        catalogue = await Catalogue.open(catalogue_url(chosen), key=datadir.known_key(chosen.data))
        try:
            await work(catalogue)
        finally:
            await catalogue.close()

    logs.configure("WARNING")
    asyncio.run(run())


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


def main() -> None:
    """Entry point: turns every known error into one line and an exit code."""
    os.umask(0o077)  # footage, catalogue and keys are nobody else's on this machine
    try:
        app()
    except VmsError as error:
        hint = f" {error.hint}" if error.hint else ""
        print(logs.redact(f"vms: {error.message}.{hint}"), file=sys.stderr)
        raise SystemExit(2 if isinstance(error, SettingsError | InputError) else 1) from None
