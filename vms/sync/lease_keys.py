"""The keys of Leases in a key-value service: its port, names of keys, and epochs that never go back. Event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Protocol

from vms import logs
from vms.domain.camera import StreamName, StreamRef
from vms.domain.grant import LeaseGrant
from vms.errors import BusError, CatalogueError, ConflictError, NotFoundError

log = logs.get(__name__)

_TRIES = 8


class Entry(Protocol):
    """A key of a bucket; `value` is None where it was deleted."""

    @property
    def key(self) -> str:
        """The key."""

    @property
    def value(self) -> bytes | None:
        """What stands there."""

    @property
    def revision(self) -> int:
        """Grows with every write of the bucket."""


class Bucket(Protocol):
    """A bucket of the key-value service; vms.bus.kv has one on NATS. ConflictError: somebody else was first; BusError:
    the service does not answer, and what was to be written may be written or not."""

    async def get(self, key: str) -> Entry | None:
        """What stands there; None for nothing. It may be old."""

    async def create(self, key: str, value: bytes) -> int:
        """Write where nothing is; the revision."""

    async def update(self, key: str, value: bytes, revision: int) -> int:
        """Write over a revision; the new one."""

    async def delete(self, key: str, revision: int | None = None) -> None:
        """Take it away, where it has that revision."""

    def watch(self) -> AsyncIterator[Entry | None]:
        """All that stands there, then None, then every change; after a break all of it again."""


class GrantRows(Protocol):
    """Grants in the catalogue."""

    async def latest(self, stream: StreamRef) -> LeaseGrant | None:
        """The one with the greatest epoch."""

    async def put(self, grant: LeaseGrant) -> bool:
        """Enter one; False where it is there already."""


def key_of(stream: StreamRef) -> str:
    """<camera>.<stream>."""
    return f"{stream.camera}.{stream.name}"


def stream_of(key: str) -> StreamRef | None:
    """The Stream of a key; None for a key that is none of ours."""
    camera, _, name = key.partition(".")
    try:
        return StreamRef(camera, StreamName(name))
    except ValueError:
        return None


class Epochs:
    """The last epoch of every Stream, in a bucket whose keys do not go, and never less than the catalogue's grants: an
    installation may have been a single machine before, and the service may have lost its disk. `first`: the epoch of a
    Stream of which neither knows any, as at a Site whose machines are new: the center may know some of it."""

    def __init__(self, bucket: Bucket, grants: GrantRows, first: Callable[[], int] = lambda: 1) -> None:
        self._bucket = bucket
        self._grants = grants
        self._first = first

    async def last(self, stream: StreamRef) -> int:
        """The greatest epoch the service knows; 0 for none."""
        return _number(await self._bucket.get(key_of(stream)))

    async def next(self, stream: StreamRef) -> int:
        """An epoch greater than all before; given once. CatalogueError where neither service nor catalogue knows any;
        ConflictError where too many ask at once."""
        granted = await self._granted(stream)
        for _ in range(_TRIES):
            entry = await self._bucket.get(key_of(stream))
            if entry is None and granted is None:
                raise CatalogueError("the catalogue does not say which epoch was last")
            known = max(_number(entry), granted or 0)
            epoch = known + 1 if known else self._first()
            try:
                if entry is None:
                    await self._bucket.create(key_of(stream), str(epoch).encode())
                else:
                    await self._bucket.update(key_of(stream), str(epoch).encode(), entry.revision)
            except (ConflictError, NotFoundError):  # it was read old, or somebody asks too
                continue
            return epoch
        raise ConflictError(f"no epoch for {stream}: too many ask at once")

    async def _granted(self, stream: StreamRef) -> int | None:
        try:
            grant = await self._grants.latest(stream)
        except CatalogueError as error:
            log.warning("epochs without the catalogue", why=error.message)
            return None
        return 0 if grant is None else grant.epoch


def _number(entry: Entry | None) -> int:
    if entry is None or entry.value is None:
        return 0
    try:
        return int(entry.value)
    except ValueError:
        raise BusError("an epoch in the lease service cannot be read") from None
