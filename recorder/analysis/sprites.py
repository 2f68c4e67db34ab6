"""Gathers thumbnails by the hour and puts each hour that is over into the home Store of its Site, as one object.

What is gathered lies on disk (a record a picture: time in ns u64, size u32, JPEG), so that a restart loses none, and
stays there until object and row are kept. Disk and Stores block: they run on an executor of its own, `sprites`.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from recorder.uploader import home_store
from vms import logs
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import Camera, RecordMode
from vms.domain.ids import is_id
from vms.domain.sprite import HOUR_NS, Picture, Sprite, hour_of, pack
from vms.errors import ObjectUnavailableError, VmsError
from vms.objects.base import ObjectStore
from vms.store import Catalogue

log = logs.get(__name__)

_RECORD = struct.Struct("<QI")
_SUFFIX = ".part"
_OVER_NS = 90 * NS_PER_S
_MAX_JPEG_BYTES = 1 << 20
_CONTENT_TYPE = "application/octet-stream"
_Out = TypeVar("_Out")


@dataclass(frozen=True, slots=True)
class SpriteParts:
    """What sprites are kept with. `folder`: for what is gathered; `stores`: those this node can write to."""

    folder: Path
    node: str
    catalogue: Catalogue
    stores: Mapping[str, ObjectStore]


def is_recorded(camera: Camera) -> bool:
    """Of a Camera whose footage is not kept no pictures are kept either."""
    return any(stream.record is not RecordMode.OFF for stream in camera.streams)


class Sprites:
    """Of one node."""

    def __init__(self, clock: Clock, parts: SpriteParts) -> None:
        self._clock, self._parts = clock, parts
        self._waiting: dict[str, list[Picture]] = {}
        self._throttle = logs.Throttle(600 * NS_PER_S)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="sprites")

    def add(self, camera: str, at_ns: int, jpeg: bytes) -> None:
        """One more picture."""
        self._waiting.setdefault(camera, []).append((at_ns, jpeg))

    async def keep(self) -> None:
        """Write what was gathered, and put away hours that are over. What fails is logged and tried again."""
        waiting, self._waiting = self._waiting, {}
        try:
            await self._off_loop(partial(_append, self._parts.folder, waiting))
            for path in await self._off_loop(partial(_over, self._parts.folder, self._clock.now_ns() - _OVER_NS)):
                await self._put_away(path)
        except (VmsError, OSError) as error:
            silent = self._throttle.admit(self._clock.mono_ns())
            if silent is not None:
                why = logs.redact(f"{type(error).__name__}: {error}")
                log.warning("thumbnails are not put away", why=why, silent=silent)

    async def put(self, camera: Camera, start_ns: int, pictures: Sequence[Picture]) -> bool:
        """An hour of pictures as object and row; False where its Store is not one of this node's."""
        name = await home_store(self._parts.catalogue, camera.site)
        store = self._parts.stores.get(name)
        if store is None or not pictures:
            return False
        data = pack(start_ns, pictures)
        last_ns = max(at_ns for at_ns, _ in pictures)
        sprite = Sprite(camera.id, start_ns, self._parts.node, camera.site, name, last_ns, len(pictures), len(data))
        put = partial(store.put_bytes, sprite.key, data, metadata={}, content_type=_CONTENT_TYPE)
        await self._off_loop(put)
        await self._parts.catalogue.sprites.put(sprite)
        return True

    async def rest(self) -> None:
        """What is gathered goes to the disk. OSError."""
        waiting, self._waiting = self._waiting, {}
        await self._off_loop(partial(_append, self._parts.folder, waiting))

    async def _put_away(self, path: Path) -> None:
        camera = await self._parts.catalogue.cameras.get(path.parent.name)
        if camera is not None and is_recorded(camera):
            pictures = await self._off_loop(partial(_pictures, path))
            try:
                await self.put(camera, int(path.stem), pictures)
            except ObjectUnavailableError:
                return  # later: it is on the disk
        await self._off_loop(partial(_drop, path))

    async def _off_loop(self, work: partial[_Out]) -> _Out:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def _append(folder: Path, waiting: Mapping[str, Sequence[Picture]]) -> None:
    for camera, pictures in waiting.items():
        hours: dict[int, list[Picture]] = {}
        for picture in pictures:
            hours.setdefault(hour_of(picture[0]), []).append(picture)
        for hour_ns, some in hours.items():
            path = folder / camera / f"{hour_ns}{_SUFFIX}"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(b"".join(_RECORD.pack(at_ns, len(jpeg)) + jpeg for at_ns, jpeg in some))


def _over(folder: Path, now_ns: int) -> list[Path]:
    """What was gathered of hours that ended before that, oldest first."""
    found = [path for path in folder.glob(f"*/*{_SUFFIX}") if is_id(path.parent.name) and path.stem.isdigit()]
    return sorted((path for path in found if int(path.stem) + HOUR_NS <= now_ns), key=lambda path: int(path.stem))


def _pictures(path: Path) -> list[Picture]:
    return list(_records(path.read_bytes()))


def _records(data: bytes) -> Iterator[Picture]:
    """Up to the first that is torn."""
    at = 0
    while at + _RECORD.size <= len(data):
        at_ns, size = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        if size > _MAX_JPEG_BYTES or at + size > len(data):
            return
        yield at_ns, data[at : at + size]
        at += size


def _drop(path: Path) -> None:
    path.unlink(missing_ok=True)
    with suppress(OSError):
        path.parent.rmdir()
