"""`vms index`: the catalogue made anew from what lies in the Stores, and compared with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from vms import datadir, logs, settings
from vms.cli.terminal import ConfigOption, DataOption, Progress, load
from vms.clock import SystemClock
from vms.errors import SettingsError
from vms.objects.base import ObjectStore
from vms.store import Catalogue

index_app = typer.Typer(no_args_is_help=True, help="The catalogue of footage and the Stores.")

StoreOption = Annotated[list[str] | None, typer.Option("--store", help="Name of a Store; may be repeated; else all.")]
IntoOption = Annotated[str | None, typer.Option("--into", help="URL of the catalogue, else that of the settings.")]
_SHOWN = 50


@index_app.command("rebuild")
def rebuild(
    store: StoreOption = None,
    into: IntoOption = None,
    deep: Annotated[bool, typer.Option("--deep", help="Read and prove every byte.")] = False,
    merge: Annotated[bool, typer.Option("--merge", help="Also into a catalogue that is not empty.")] = False,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="Objects read at a time.")] = 8,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Enter Runs, Segments, Gaps and grants from Segment and Checkpoint objects alone; goes on where it was cut off.

    Exit code 1 where something could not be entered. Sites, cameras and people come from a backup."""
    from recorder.rebuild import Rebuild, RebuildOptions, Rebuilt

    progress = Progress()

    def tell(done: Rebuilt) -> None:
        progress.say(f"{done.segments} Segments, {done.checkpoints} Checkpoints, at {done.at or 'Checkpoints'}")

    async def work(catalogue: Catalogue, stores: dict[str, ObjectStore]) -> bool:
        job = Rebuild(catalogue, stores, RebuildOptions(deep=deep, workers=workers), tell)
        if not merge and not await job.begun() and not await catalogue.rebuilding.is_empty():
            raise SettingsError(
                "the catalogue is not empty", hint="Give --into URL of an empty one, or --merge to add what it lacks."
            )
        done = await job.run()
        progress.end()
        for bad in done.bad[:_SHOWN]:
            print(f"left out: {bad.store} {bad.key}: {bad.why}")
        _more(len(done.bad))
        print(
            f"{done.segments} Segments ({done.bytes / 1e9:.1f} GB) and {done.checkpoints} Checkpoints read, "
            f"{done.stated} rows stated by Checkpoints, {len(done.bad)} left out"
        )
        for node, prints in sorted(done.signers.items()):
            print(f"Checkpoints of node {node} are signed by {', '.join(sorted(prints))}")
        return not done.bad

    _with_stores(load(config, data), store, into, work)


@index_app.command("check")
def check(
    store: StoreOption = None,
    into: IntoOption = None,
    say_lost: Annotated[
        bool, typer.Option("--say-lost", help="Enter what is lost in the ledger, so that nothing shows it.")
    ] = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Compare catalogue and Stores, both ways. Exit code 1 where they differ."""
    from recorder.compare import Comparison, compare

    chosen, progress = load(config, data), Progress()

    async def work(catalogue: Catalogue, stores: dict[str, ObjectStore]) -> bool:
        def tell(found: Comparison) -> None:
            progress.say(f"{found.agree} agree, {len(found.lost)} lost, {len(found.unknown)} unknown")

        node = datadir.known_node(chosen.data) if say_lost else None
        if node is not None:
            catalogue.unsigned.keep(node)
        found = await compare(catalogue, stores, enter_as=node, tell=tell)
        progress.end()
        for word, bads in (("lost", found.lost), ("unknown", found.unknown), ("damaged", found.damaged)):
            for bad in bads[:_SHOWN]:
                print(f"{word}: {bad.store} {bad.key}: {bad.why}")
            _more(len(bads))
        print(
            f"{found.agree} Segments agree, {len(found.lost)} lost, {len(found.unknown)} without a row, "
            f"{len(found.damaged)} damaged"
        )
        if found.unknown:
            print("vms index rebuild --merge enters what has no row")
        return found.ok

    _with_stores(chosen, store, into, work)


def _with_stores(
    chosen: settings.Settings,
    names: list[str] | None,
    into: str | None,
    work: Callable[[Catalogue, dict[str, ObjectStore]], Awaitable[bool]],
) -> None:
    from vms.ground import catalogue_url, open_stores

    stores = open_stores(chosen)
    unknown = sorted(set(names or ()) - stores.keys())
    if unknown:
        raise SettingsError(f"there is no Store {', '.join(unknown)}", hint=f"Stores are {', '.join(sorted(stores))}.")
    wanted = {name: stores[name] for name in names or stores}

    async def run() -> bool:
        key = datadir.known_key(chosen.data, chosen.key_file)
        catalogue = await Catalogue.open(into or catalogue_url(chosen), key=key, clock=SystemClock())
        try:
            return await work(catalogue, wanted)
        finally:
            await catalogue.close()

    logs.configure("WARNING")
    if not asyncio.run(run()):
        raise typer.Exit(1)


def _more(count: int) -> None:
    if count > _SHOWN:
        print(f"… and {count - _SHOWN} more")
