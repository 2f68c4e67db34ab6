"""`vms camera`: probe, list, add."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from vms import registration
from vms.cli.terminal import HERE, ConfigOption, DataOption, PasswordOption, asked, load, print_table, with_catalogue
from vms.clock import SystemClock
from vms.domain.camera_url import networks
from vms.errors import SettingsError
from vms.own_services import with_own_services
from vms.settings import Settings
from vms.store import Catalogue

camera_app = typer.Typer(no_args_is_help=True, help="Cameras.")


@camera_app.command("probe")
def camera_probe(
    url: Annotated[str, typer.Argument(help="rtsp://HOST[:PORT]/PATH, without user and password.")],
    config: ConfigOption = None,
    username: Annotated[str, typer.Option("--username")] = "",
    password: PasswordOption = None,
    udp: Annotated[bool, typer.Option("--udp", help="Media over UDP instead of TCP.")] = False,
    picture: Annotated[Path | None, typer.Option("--picture", help="Write one JPEG there.")] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", help="Also try addresses of this network, such as 127.0.0.0/8 for the demo's cameras."),
    ] = None,
) -> None:
    """Say in plain words what a URL gives, or why it gives nothing."""
    chosen = allowing(load(config), allow or [])
    secret = asked(password) if username else ""
    from vms.app import probe_url

    report = asyncio.run(probe_url(chosen, url, username, secret, "udp" if udp else "tcp"))
    print(report.message)
    if report.reason == "url_address":
        print("For this one try: --allow NETWORK, such as --allow 127.0.0.0/8 for the cameras of the demo.")
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


def allowing(chosen: Settings, given: Sequence[str]) -> Settings:
    """The settings with further networks that cameras may be in."""
    try:
        allowed = (*chosen.ingest.camera_networks, *networks(given))
    except ValueError as error:
        raise SettingsError(f"--allow: {error}", hint="Give a network such as 127.0.0.0/8.") from None
    return chosen.model_copy(update={"ingest": chosen.ingest.model_copy(update={"camera_networks": allowed})})


@camera_app.command("list")
def camera_list(config: ConfigOption = None, data: DataOption = None) -> None:
    """Cameras by site."""

    async def work(catalogue: Catalogue) -> None:
        names = {site.id: site.name for site in await catalogue.sites.list()}
        rows = [
            (
                str(camera.number or "-"),
                names[camera.site],
                camera.slug,
                camera.name,
                camera.streams[0].url,
                "yes" if camera.enabled else "no",
            )
            for camera in await catalogue.cameras.list()
        ]
        print_table(("number", "site", "camera", "name", "main", "enabled"), rows)

    with_catalogue(load(config, data), work)


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
    secret = asked(password) if username else ""
    item = registration.camera_settings(site, name, main, sub, username, secret)

    async def work(catalogue: Catalogue) -> None:
        policy = (await with_own_services(chosen)).address_policy()
        camera = await registration.add_camera(catalogue, item, SystemClock(), policy)
        await catalogue.audit.add(HERE, "camera.add", camera.id, {"slug": camera.slug})
        print(f"registered {camera.slug} as number {camera.number}")

    with_catalogue(chosen, work)
