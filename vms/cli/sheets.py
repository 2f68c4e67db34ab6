"""`vms camera import` and `export`: cameras by file, CSV or YAML, as the page does it (web/sheet/)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from vms.cli.terminal import HERE, ConfigOption, DataOption, load, print_table, with_catalogue
from vms.clock import SystemClock
from vms.domain.camera_url import AddressPolicy
from vms.domain.rights import EVERYTHING, SiteTree
from vms.errors import SettingsError
from vms.own_services import with_own_services
from vms.store import Catalogue
from web.security.authority import Eyes
from web.sheet.carry_out import carry_out, write_down
from web.sheet.csv_rows import read_csv
from web.sheet.plan import Desk, Fate, Plan, plan
from web.sheet.rows import BYTES_MAX, Fault, Row
from web.sheet.write import write_csv, write_yaml
from web.sheet.yaml_rows import read_cameras

_YAML = {".yaml", ".yml"}


def register(camera_app: typer.Typer) -> None:
    """Put the commands below `vms camera`."""
    camera_app.command("import")(camera_import)
    camera_app.command("export")(camera_export)


def camera_import(
    file: Annotated[Path, typer.Argument(help="A .csv or .yaml file; config/cameras.example.csv shows the columns.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would become of each line.")] = False,
    whole: Annotated[bool, typer.Option("--whole", help="Do nothing where one line is refused.")] = False,
    make_sites: Annotated[bool, typer.Option("--make-sites", help="Make the sites that are not there.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Register and change cameras by a file. Exit code 1 where a line was refused; the others are in."""
    rows = _read(file)
    chosen = load(config, data)
    refused = 0

    async def work(catalogue: Catalogue) -> None:
        nonlocal refused
        policy = (await with_own_services(chosen)).address_policy()
        found = await plan(rows, await desk_of_all(catalogue, policy, make_sites=make_sites))
        refused = found.counts[Fate.REFUSED]
        is_held = dry_run or (whole and refused > 0)
        _say(found, is_held=is_held)
        if is_held or not found.changes:
            return
        done = await carry_out(found, catalogue)
        counts = {fate.value: found.counts[fate] for fate in Fate}
        await write_down(catalogue, HERE, "camera.import", done.cameras, **counts)

    with_catalogue(chosen, work)
    if refused:
        raise typer.Exit(1)


async def desk_of_all(catalogue: Catalogue, policy: AddressPolicy, *, make_sites: bool = False) -> Desk:
    """Whoever may run commands here may do everything."""
    tree = SiteTree({site.id: site.parent for site in await catalogue.sites.list()})
    clock = SystemClock()
    return Desk(catalogue, Eyes(EVERYTHING, tree, clock.now_ns()), policy, clock, make_sites=make_sites)


def _read(file: Path) -> list[Row]:
    try:
        if file.stat().st_size > BYTES_MAX:
            raise SettingsError(f"{file} is larger than {BYTES_MAX} bytes", hint="Divide it.")
        data = file.read_bytes()
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror}", hint="Give another file.") from None
    return (read_cameras if file.suffix.lower() in _YAML else read_csv)(data)


def _say(found: Plan, *, is_held: bool) -> None:
    refused = found.of(Fate.REFUSED)
    if refused:
        print_table(
            ("line", "column", "value", "what is wrong"), [row for one in refused for row in _faults(one.faults)]
        )
    for site in found.sites:
        print(f"site {site.slug}: {site.name}")
    for one in found.of(Fate.CHANGED):
        print(f"line {one.row.line}: {one.camera.slug if one.camera else ''}: {', '.join(one.fields)}")
    counted = ", ".join(f"{found.counts[fate]} {fate}" for fate in Fate)
    print(f"{counted}; nothing was changed" if is_held else counted)


def _faults(faults: Sequence[Fault]) -> list[tuple[str, str, str, str]]:
    return [(str(fault.line), fault.column or "-", str(fault.place or "-"), fault.message) for fault in faults]


def camera_export(
    file: Annotated[Path | None, typer.Argument(help="Where to; nothing: to the terminal.")] = None,
    form: Annotated[str | None, typer.Option("--format", help="csv or yaml; else by the name of the file.")] = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Write all cameras as a file that `import` reads. Passwords are never in it."""
    is_yaml = _is_yaml(file, form)

    async def work(catalogue: Catalogue) -> None:
        sites = {site.id: site for site in await catalogue.sites.list()}
        cameras = await catalogue.cameras.list()
        written = (write_yaml if is_yaml else write_csv)(cameras, sites)
        await catalogue.audit.add(HERE, "camera.export", "-", {"cameras": len(cameras)})
        if file is None:
            sys.stdout.buffer.write(written)
            return
        try:
            file.write_bytes(written)
        except OSError as error:
            raise SettingsError(f"cannot write {file}: {error.strerror}", hint="Give another file.") from None
        print(f"{len(cameras)} cameras in {file}")

    with_catalogue(load(config, data), work)


def _is_yaml(file: Path | None, form: str | None) -> bool:
    if form not in {None, "csv", "yaml"}:
        raise SettingsError("--format is csv or yaml", hint="Choose one.")
    return form == "yaml" or (form is None and file is not None and file.suffix.lower() in _YAML)
