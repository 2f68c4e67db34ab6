"""`vms db` and `vms key`: the catalogue's schema, the installation's key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vms import datadir
from vms.cli.terminal import ConfigOption, DataOption, load, with_catalogue
from vms.store import Catalogue

db_app = typer.Typer(no_args_is_help=True, help="The catalogue.")
key_app = typer.Typer(no_args_is_help=True, help="The installation's key.")


@db_app.command("upgrade")
def db_upgrade(config: ConfigOption = None, data: DataOption = None) -> None:
    """Bring the catalogue to this version's schema (every start does it too)."""

    async def work(catalogue: Catalogue) -> None:
        print(f"the catalogue is at schema {await catalogue.schema_version()}")

    with_catalogue(load(config, data), work)


@key_app.command("new")
def key_new(
    file: Annotated[Path, typer.Argument(help="Where to write it: key_file of every node.")],
) -> None:
    """Make the key that camera passwords are encrypted with, once for all nodes of a cluster."""
    datadir.new_key(file)
    print(f"{file} made; bring it to every node and keep a copy: without it camera passwords are lost")
