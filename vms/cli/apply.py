"""`vms apply FILE`: makes sites, cameras, people and rules as a file says, after showing the difference."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from vms.cli.sheets import desk_of_all
from vms.cli.terminal import HERE, ConfigOption, DataOption, load, with_catalogue
from vms.declared.difference import Difference, difference
from vms.declared.file import Declared, read_declared
from vms.declared.make_so import make_so
from vms.errors import SettingsError
from vms.own_services import with_own_services
from vms.settings import Settings
from vms.store import Catalogue
from web.sheet.rows import BYTES_MAX


def apply(
    file: Annotated[Path, typer.Argument(help="YAML with sites, cameras, people, rules; what it leaves out stays.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the difference.")] = False,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Of what the file lists remove cameras and rules, close accounts it has not."),
    ] = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Make the system as the file says; a second time there is nothing to do. Where one line is refused nothing is
    done (exit code 1)."""
    declared = _read(file)
    chosen = load(config, data)
    refused = False

    async def work(catalogue: Catalogue) -> None:
        nonlocal refused
        desk = await desk_of_all(catalogue, (await with_own_services(chosen)).address_policy())
        found = await difference(declared, catalogue, desk, prune=prune)
        refused = bool(found.refused)
        _show(found)
        if refused or dry_run or found.is_empty or not _agreed(yes):
            return
        from vms.app import hash_password

        passwords = await make_so(found, catalogue, HERE, desk.clock.now_ns(), hash_password)
        print("done")
        for username, password in passwords.items():
            print(f"{username} may sign in with the password {password}, and changes it then")

    with_catalogue(chosen, work)
    if refused:
        raise typer.Exit(1)


def _read(file: Path) -> Declared:
    try:
        if file.stat().st_size > BYTES_MAX:
            raise SettingsError(f"{file} is larger than {BYTES_MAX} bytes", hint="Divide it.")
        data = file.read_bytes()
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror}", hint="Give another file.") from None
    return read_declared(data, Settings.model_fields)


def _show(found: Difference) -> None:
    for line in (*found.lines, *found.refused):
        print(line)
    if found.refused:
        print(f"{len(found.refused)} refused: nothing was changed")
    elif found.is_empty:
        print("nothing to do")


def _agreed(yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        raise SettingsError("this would change the system", hint="Run it on a terminal, or say --yes.")
    return typer.confirm("Make it so?")
