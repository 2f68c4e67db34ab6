"""`vms keys`: the installation's key, which certifies those of its nodes, and the sheet that is printed of it.

The key is a file in the data folder (0600). Its fingerprint is what a package is compared with; the sheet has no more.
"""

from __future__ import annotations

import datetime as dt
import os
import socket
from pathlib import Path
from typing import Annotated

import typer

from vms import datadir
from vms.cli.terminal import HERE, ConfigOption, DataOption, load, with_catalogue
from vms.errors import SettingsError
from vms.proof.keys import NodeKey
from vms.store import Catalogue

keys_app = typer.Typer(no_args_is_help=True, help="Keys that packages and Checkpoints are signed with.")


@keys_app.command("show")
def show(config: ConfigOption = None, data: DataOption = None) -> None:
    """Fingerprints of the installation's key and of the nodes' keys, and which of these it certifies."""
    from recorder.package_pages import grouped
    from vms.proof.certificate import certified_by

    chosen = load(config, data)
    installation = datadir.installation_key(chosen.data, make=False)
    print(f"installation  {_print(installation)}")

    async def work(catalogue: Catalogue) -> None:
        for key in await catalogue.unsigned.keys():
            by = certified_by(key.certificate, key.node, key.public_key)
            certified = "not certified" if by is None else "certified"
            if by is not None and (installation is None or by != installation.fingerprint):
                certified = f"certified by {grouped(by)}"
            print(f"node {key.node}  {grouped(key.fingerprint)}  {certified}")

    with_catalogue(chosen, work)


@keys_app.command("new")
def new(config: ConfigOption = None, data: DataOption = None) -> None:
    """Make the installation's key on the one node of a cluster that has it; a machine alone makes it by itself."""
    chosen = load(config, data)
    if datadir.installation_key(chosen.data, make=False) is not None:
        raise SettingsError("this installation has a key already", hint="vms keys rotate replaces it.")
    print(f"installation  {_print(datadir.installation_key(chosen.data, make=True))}")
    print("Restart this node: its key is certified then. Print the sheet: vms keys sheet FILE")


@keys_app.command("rotate")
def rotate(config: ConfigOption = None, data: DataOption = None) -> None:
    """Replace the installation's key; the one before is kept in the data folder, and what it certified stays good."""
    chosen = load(config, data)
    before = _needed(chosen.data)
    kept = chosen.data / f"installation-{before.fingerprint[:16]}.key"
    (chosen.data / datadir.INSTALLATION_KEY).rename(kept)
    after = datadir.installation_key(chosen.data, make=True)
    print(f"before  {_print(before)}, kept as {kept.name}")
    print(f"after   {_print(after)}")
    print("Restart the node, print the new sheet, and keep the old one: it belongs to the packages of until now.")

    async def work(catalogue: Catalogue) -> None:
        detail = {"before": before.fingerprint, "after": "" if after is None else after.fingerprint}
        await catalogue.audit.add(HERE, "keys.rotate", "installation", detail)

    with_catalogue(chosen, work)


@keys_app.command("backup")
def backup(
    file: Annotated[Path, typer.Argument(help="Where the copy goes; it must not be there.")],
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Copy the installation's key into a file that nobody else can read: for a safe, not for a disk that others use."""
    key = _needed(load(config, data).data)
    _write(file, key.pem(), 0o600)
    print(f"the key {_print(key)} is in {file}: whoever has it can certify nodes in your name")


@keys_app.command("sheet")
def sheet(
    file: Annotated[Path, typer.Argument(help="The HTML page that is written, to be printed.")],
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Write the key sheet: what is printed, signed by hand, and given to who will verify packages."""
    from recorder.package_pages import key_sheet

    key = _needed(load(config, data).data)
    page = key_sheet(key.fingerprint, socket.gethostname(), dt.datetime.now(dt.UTC))
    _write(file, page.encode(), 0o644)
    print(f"the sheet of {_print(key)} is in {file}: open it in a browser and print it")


def _needed(data: Path) -> NodeKey:
    key = datadir.installation_key(data, make=False)
    if key is None:
        raise SettingsError(f"there is no installation key in {data}", hint="Run vms up once, or vms keys new.")
    return key


def _print(key: NodeKey | None) -> str:
    from recorder.package_pages import grouped

    return "none here" if key is None else grouped(key.fingerprint)


def _write(file: Path, content: bytes, mode: int) -> None:
    try:
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    except OSError as error:
        raise SettingsError(f"cannot write {file}: {error.strerror}", hint="Choose another file.") from None
    with os.fdopen(fd, "wb") as out:
        out.write(content)
