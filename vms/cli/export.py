"""`vms export`: a package made by the node that runs here, followed to its end, and written where it is wanted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from vms import datadir
from vms.cli.terminal import HERE, ConfigOption, DataOption, Progress, load, with_catalogue
from vms.clock import SystemClock
from vms.domain.camera import Camera, StreamName
from vms.domain.derivative import DerivativeKind
from vms.domain.ids import new_id
from vms.domain.job import WHOLE_PPM, Job, JobKind, JobState
from vms.errors import InputError, SettingsError, VmsError
from vms.store import Catalogue

_BLOCK_BYTES = 1 << 20
_LOOK_S = 0.5


def export(
    cameras: Annotated[list[str], typer.Argument(help="Short names (sampit-pasar-01) or ids.")],
    start: Annotated[str, typer.Option("--from", help="2026-01-31T08:00:00+07:00")],
    end: Annotated[str, typer.Option("--to", help="Not part of it.")],
    reason: Annotated[str, typer.Option("--reason", help="Stands in the package and in the audit log.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The ZIP that is written; it must not be there.")],
    person: Annotated[str, typer.Option("--as", help="Account in whose name.")] = "admin",
    stream: Annotated[StreamName, typer.Option("--stream")] = StreamName.MAIN,
    derivative: Annotated[
        DerivativeKind | None, typer.Option("--derivative", help="Films beside the originals, re-encoded and marked.")
    ] = None,
    masked: Annotated[bool, typer.Option("--masked", help="With the cameras' privacy masks covered in them.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Export footage as a package that vms verify can check. The node that makes it must run on this machine."""
    from recorder.package import read_zip, zip_layout
    from web.times import parse_interval

    chosen = load(config, data)
    if not datadir.is_locked(chosen.data):
        raise SettingsError("nothing runs here that could make it", hint="Start vms up first.")
    if out.exists():
        raise InputError(f"{out} is there already", hint="Choose another file.")
    interval, progress = parse_interval(start, end, longest_ns=7 * 24 * 3600 * 10**9), Progress()
    folder = chosen.exports.folder or chosen.data / "exports"

    async def work(catalogue: Catalogue) -> None:
        known = await catalogue.people.by_username(person)
        if known is None:
            raise InputError(f"there is no account {person!r}", hint="See vms user list.")
        asked = {
            "cameras": [one.id for one in _chosen(await catalogue.cameras.list(include_deleted=True), cameras)],
            "from_ns": interval.start_ns,
            "to_ns": interval.end_ns,
            "stream": stream.value,
            "reason": reason,
            **({"derivative": {"kind": derivative.value, "masked": masked}} if derivative else {}),
        }
        job = Job(new_id(), JobKind.EXPORT, known.id, asked, SystemClock().now_ns())
        await catalogue.jobs.add(job)
        await catalogue.audit.add(HERE, "export.add", job.id, {**asked, "person": person})
        try:
            done = await _ended(catalogue, job, progress)
        finally:
            progress.end()
        if not (folder / done.id).is_dir():
            raise InputError(f"node {done.node} made it, not this one", hint="Download it from the page.")
        layout = zip_layout(folder / done.id)
        with out.open("xb") as file:
            for offset in range(0, layout.size, _BLOCK_BYTES):
                file.write(read_zip(folder / done.id, layout, offset, _BLOCK_BYTES))
        print(f"{out}: {layout.size / 1e6:.1f} MB, signed by {done.result['signer']}")

    with_catalogue(chosen, work)


async def _ended(catalogue: Catalogue, job: Job, progress: Progress) -> Job:
    try:
        while True:
            found = await catalogue.jobs.get(job.id)
            if found is None or found.state is JobState.CANCELLED:
                raise VmsError("the export was cancelled")
            if found.state is JobState.FAILED:
                raise VmsError(f"the export failed: {found.why}")
            if found.state is JobState.DONE:
                return found
            progress.say(f"{found.state}: {found.progress_ppm * 100 // WHOLE_PPM} %")
            await asyncio.sleep(_LOOK_S)
    except asyncio.CancelledError:
        await catalogue.jobs.cancel(job.id, SystemClock().now_ns())
        raise


def _chosen(known: list[Camera], names: list[str]) -> list[Camera]:
    found = []
    for name in dict.fromkeys(names):
        camera = next((one for one in known if name in {one.id, one.slug}), None)
        if camera is None:
            raise InputError(f"there is no camera {name!r}", hint="See vms camera list.")
        found.append(camera)
    return found
