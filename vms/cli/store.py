"""`vms store`: what regencies may do in the center's Store."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from typing import Annotated

import typer

from vms import datadir, settings
from vms.cli.terminal import ConfigOption, DataOption, load
from vms.clock import SystemClock
from vms.domain.camera import HOME_STORE, Site
from vms.errors import SettingsError
from vms.store import Catalogue

store_app = typer.Typer(no_args_is_help=True, help="The Stores of footage.")


@store_app.command("grant")
def grant(
    sites: Annotated[
        list[str] | None, typer.Argument(help="Slugs of regencies; else all that have a password.")
    ] = None,
    show: Annotated[bool, typer.Option("--print", help="Print the policies, and give nothing.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """At the center: give each regency a user of its own in the center's Store (MinIO), that sees nothing of another.

    Its password is taken from VMS_SITE_<SLUG>_S3_PASSWORD. Can be repeated, as after a Site was added below one."""
    chosen = load(config, data)
    home = chosen.home_store
    if chosen.stands_at_site() or not isinstance(home, settings.S3StoreSettings):
        raise SettingsError("users are given in a home_store of kind s3, by the center", hint="Run it at the center.")
    from vms.ground import s3_options
    from vms.objects.s3 import S3Store
    from vms.objects.s3_rights import grant as give
    from vms.objects.s3_rights import site_policy

    options = s3_options(home)
    for site, ids in asyncio.run(_wanted(chosen, sites)).items():
        if show:
            print(json.dumps({user_of(site): site_policy(options.bucket, ids)}, indent=1))
            continue
        password = os.environ.get(variable_of(site))
        if not password:
            raise SettingsError(f"{variable_of(site)} is not set", hint="It is in vms.env of the center's machine.")
        S3Store(HOME_STORE, options).check()  # the bucket must be there, and is the center's to make
        give(options, user_of(site), password, ids)
        print(f"{site}: {user_of(site)} may put and read footage of {len(ids)} site(s), and nothing else")


def user_of(slug: str) -> str:
    """The user of a regency in the center's Store."""
    return f"vms-{slug}"


def variable_of(slug: str) -> str:
    """Where its password is."""
    return f"VMS_SITE_{slug.replace('-', '_').upper()}_S3_PASSWORD"


async def _wanted(chosen: settings.Settings, slugs: list[str] | None) -> Mapping[str, list[str]]:
    """Ids of the Sites of each regency, its own and those below it."""
    from vms.app import catalogue_url
    from vms.sync.places import Places

    key = datadir.known_key(chosen.data, chosen.key_file)
    catalogue = await Catalogue.open(catalogue_url(chosen), key=key, clock=SystemClock())
    try:
        known: list[Site] = await catalogue.sites.list()
    finally:
        await catalogue.close()
    by_slug, places = {site.slug: site for site in known}, Places(known)
    wanted = slugs or [slug for slug in by_slug if os.environ.get(variable_of(slug))]
    missing = [slug for slug in wanted if slug not in by_slug]
    if missing:
        raise SettingsError(f"there is no site {', '.join(missing)}", hint="Start a node of the center first.")
    return {slug: sorted(places.below(by_slug[slug].id)) for slug in wanted}
