"""Takes away sprites of hours of which no footage is kept any more. Event loop; Stores block on the given executor.

The object goes first, where it lies in a Store that is this node's to delete from; then the row of this catalogue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Executor

from vms import logs
from vms.clock import NS_PER_S
from vms.domain.camera import Camera
from vms.errors import ObjectError, ObjectUnavailableError
from vms.objects.base import ObjectStore
from vms.store import Catalogue

log = logs.get(__name__)

_REST_NS = 2 * 86_400 * NS_PER_S
"""Rows of footage may come later than its pictures."""
_BATCH = 200


async def clear_sprites(
    catalogue: Catalogue,
    stores: Mapping[str, ObjectStore],
    cameras: Iterable[Camera],
    now_ns: int,
    executor: Executor,
    homes: Collection[str] | None = None,
) -> int:
    """How many went. `homes`: names of the Stores that are this node's to delete from; None: all."""
    gone = 0
    for camera in cameras:
        for sprite in await catalogue.sprites.bare(camera.id, now_ns - _REST_NS, _BATCH):
            store = stores.get(sprite.store) if homes is None or sprite.store in homes else None
            if store is not None:
                try:
                    await asyncio.get_running_loop().run_in_executor(executor, store.delete, sprite.key)
                except ObjectUnavailableError:
                    break
                except ObjectError as error:
                    log.warning("thumbnails cannot be deleted", key=sprite.key, why=logs.redact(str(error)))
                    continue
            await catalogue.sprites.remove(sprite)
            gone += 1
    return gone
