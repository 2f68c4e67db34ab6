"""`vms migrate`: a single-machine installation into a cluster, with everything it holds; and what that would be."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vms import datadir, logs, settings
from vms.cli.terminal import ConfigOption, Progress, load, print_table
from vms.clock import SystemClock
from vms.errors import SettingsError
from vms.settings import FolderStoreSettings, Settings
from vms.store import Catalogue

if TYPE_CHECKING:  # loads libav
    from recorder.moving import Moved

FromOption = Annotated[Path, typer.Option("--from", help="Data folder of the installation that is left.")]
FromConfigOption = Annotated[
    Path | None, typer.Option("--from-config", help="Its settings file, where it had one; its VMS_* are not read.")
]
_SHOWN = 20


def migrate(
    old: FromOption,
    old_config: FromConfigOption = None,
    config: ConfigOption = None,
    check: Annotated[bool, typer.Option("--check", help="Only say what there is; change nothing.")] = False,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="Objects brought at a time.")] = 8,
) -> None:
    """Bring a stopped single-machine installation into a cluster: --config is the settings of a node of its center.

    Goes on where it was cut off; once all is there it only compares. Exit code 1 where something is not there."""
    left = settings.load(old_config, environment=False, data=old)
    chosen = load(config)
    _checked(left, chosen)
    logs.configure("ERROR")
    done = asyncio.run(_look(left, chosen) if check else _move(left, chosen, workers))
    if not done:
        raise typer.Exit(1)


def _checked(left: Settings, chosen: Settings) -> None:
    """SettingsError where these cannot be the two sides."""
    if left.cluster is not None:
        raise SettingsError("the old installation is a cluster already", hint="Look at --from and --from-config.")
    if chosen.cluster is None or chosen.stands_at_site():
        raise SettingsError(
            "the new settings are not those of a node of a center", hint="Give --config node-1.yaml of the center."
        )
    key = datadir.known_key(left.data, left.key_file)
    if chosen.key_file is None or datadir.shared_key(chosen.key_file) != key:
        theirs = left.key_file or left.data / "secret.key"
        raise SettingsError(
            "the cluster has another key than the old installation, whose camera passwords it could not read",
            hint=f"Bring {theirs} as key_file ({chosen.key_file or 'not set yet'}) to every machine of the cluster.",
        )


async def _move(left: Settings, chosen: Settings, workers: int) -> bool:
    from recorder.moving import Moving, MovingOptions, NewPlace, OldPlace
    from recorder.spool import Spool, SpoolOptions
    from vms.bus.memory import MemoryBus
    from vms.ground import catalogue_url, open_catalogue, open_stores

    clock, progress = SystemClock(), Progress()
    async with contextlib.AsyncExitStack() as stack:
        data = datadir.open_data_dir(left.data, left.key_file)
        stack.callback(data.close)
        before = await Catalogue.open(catalogue_url(left), key=data.key, clock=clock, node=data.node)
        stack.push_async_callback(before.close)
        after = await open_catalogue(chosen, data.key, data.node, clock)
        stack.push_async_callback(after.close)
        bus = MemoryBus()
        stack.push_async_callback(bus.close)
        spool = Spool(SpoolOptions(left.spool_dir()))
        place = OldPlace(before, open_stores(left), spool, data.node, data.signing, data.path / "checkpoints")
        moving = Moving(
            clock,
            bus,
            old=place,
            new=NewPlace(after, open_stores(chosen)),
            options=MovingOptions(workers=workers),
            tell=progress.say,
        )
        try:
            moved = await moving.run()
        finally:
            progress.end()
    _tell(moved)
    return moved.ok and not moved.flawed


def _tell(moved: Moved) -> None:
    """What was done, and whether everything is there."""
    for word, keys in (("not there", moved.absent), ("was so in the old installation", moved.flawed)):
        for key, why in keys[:_SHOWN]:
            print(f"{word}: {key}: {why}")
        if len(keys) > _SHOWN:
            print(f"… and {len(keys) - _SHOWN} more")
    for name, told in sorted(moved.objects.items()):
        print(f"objects of {name}: {told.brought} brought ({told.bytes / 1e9:.1f} GB), {told.there} were there")
        for key, why in told.bad[:_SHOWN]:
            print(f"  not brought: {key}: {why}")
    if moved.tables:
        rows = [
            (told.table, str(told.old), str(told.same), str(told.newer), str(len(told.missing)), told.digest[:16])
            for told in moved.tables
        ]
        print_table(("table", "old rows", "the same", "newer", "missing", "SHA-256 of the old"), rows)
    there, total = moved.segments
    print(f"{moved.uploaded} Segments were in the spool only; rows written: {moved.rows}")
    print(f"{there} of {total} Segments are there ({moved.segment_bytes / 1e9:.1f} GB, by size and SHA-256)")
    if moved.checkpoints_waiting:
        print(f"{moved.checkpoints_waiting} Checkpoints wait for their Store: run it again")
    print("Everything is there." if moved.ok else "Not everything is there: run it again.")


async def _look(left: Settings, chosen: Settings) -> bool:
    """What is there on both sides, read only."""
    from recorder.spool import Spool, SpoolOptions
    from vms.ground import catalogue_url, open_stores
    from vms.store.inspect import rows_seen

    well = True
    if datadir.is_locked(left.data):
        print("The old installation is running: stop it before.")
        well = False
    schema, rows = await rows_seen(catalogue_url(left))
    print(f"Old catalogue, schema {schema or 'none'}:")
    print_table(("table", "rows"), [(table, str(count)) for table, count in rows.items() if count])
    for name, store in open_stores(left).items():
        if isinstance(left.all_stores()[name], FolderStoreSettings):
            sizes = [info.size_bytes for info in store.list("")]
            print(f"Store {name}: {len(sizes)} objects, {sum(sizes) / 1e9:.1f} GB")
    spool = Spool(SpoolOptions(left.spool_dir()))
    print(f"Spool: {sum(1 for _ in spool.files())} files")
    new_schema, new_rows = await rows_seen(catalogue_url(chosen))
    held = [table for table, count in new_rows.items() if count]
    print(f"New catalogue: {'empty' if not held else f'schema {new_schema}, with rows of ' + ', '.join(held)}")
    absent = sorted(left.all_stores().keys() - chosen.all_stores().keys())
    if absent:
        print(f"The new settings have no Store named {', '.join(absent)}.")
        well = False
    for name in sorted(left.all_stores().keys() & chosen.all_stores().keys()):
        well = _answers(name, chosen) and well
    return well


def _answers(name: str, chosen: Settings) -> bool:
    """Whether a Store of the cluster lets us in; one whose bucket is not made yet is well."""
    from vms.ground import s3_options
    from vms.objects.inspect import bucket_facts

    there = chosen.all_stores()[name]
    if isinstance(there, FolderStoreSettings):
        print(f"New Store {name}: a folder")
        return True
    facts = bucket_facts(s3_options(there))
    print(f"New Store {name}: {facts.error or ('is there' if facts.exists else 'its bucket will be made')}")
    return not facts.error
