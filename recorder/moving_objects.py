"""Objects of one Store into another of the same name, each verified where it arrives. Blocks, but for `Objects.bring`.

Both listings come in the order of their keys, so what is there already costs no request: an object is there whole, with
the SHA-256 it was sent with, or not at all. What is damaged in the old Store is brought as it is, and named.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from recorder.metadata import CONTENT_TYPE
from vms import logs
from vms.clock import NS_PER_S
from vms.errors import ObjectChecksumError, ObjectError, ObjectUnavailableError
from vms.objects.base import ObjectInfo, ObjectStore
from vms.objects.folder import FolderStore
from vms.proof.checkpoint import CONTENT_TYPE as CHECKPOINT_TYPE
from vms.proof.checkpoint import PREFIX

log = logs.get(__name__)

_BLOCK_BYTES = 8 << 20
_AT_ONCE = 256


@dataclass(slots=True)
class ObjectsTold:
    """`brought` and `there` (before): objects; `damaged`: keys whose bytes are not those they were stored with; `bad`:
    (key, why) of those that could not be brought."""

    brought: int = 0
    there: int = 0
    bytes: int = 0
    damaged: list[str] = field(default_factory=list)
    bad: list[tuple[str, str]] = field(default_factory=list)


def to_bring(old: Iterator[ObjectInfo], new: Iterator[ObjectInfo]) -> Iterator[tuple[ObjectInfo, bool]]:
    """Every object of the old listing, and whether it has yet to be brought. Both are in the order of their keys."""
    here = next(new, None)
    for info in old:
        while here is not None and here.key < info.key:
            here = next(new, None)
        yield info, here is None or here.key != info.key or here.size_bytes != info.size_bytes


class Objects:
    """From one Store to another. `lock_days`: how long Checkpoints are kept from being changed, from when they were
    made, where the new Store can."""

    def __init__(
        self, old: ObjectStore, new: ObjectStore, tell: Callable[[ObjectsTold], None], *, workers: int, lock_days: int
    ) -> None:
        self._old, self._new, self._tell = old, new, tell
        self._workers, self._lock_ns = workers, lock_days * 86_400 * NS_PER_S
        self.told = ObjectsTold()

    async def bring(self) -> ObjectsTold:
        """All. ObjectUnavailableError where a Store does not answer: run again."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(self._workers, thread_name_prefix="moving") as executor:
            await loop.run_in_executor(executor, self._new.check)
            found = to_bring(self._old.list(""), self._new.list(""))
            while page := await loop.run_in_executor(executor, lambda: list(itertools.islice(found, _AT_ONCE))):
                due = [info for info, absent in page if absent]
                self.told.there += len(page) - len(due)
                await asyncio.gather(*(loop.run_in_executor(executor, self._one, info) for info in due))
                self._tell(self.told)
        return self.told

    def _one(self, listed: ObjectInfo) -> None:
        try:
            info = self._old.stat(listed.key)
            self._put(info)
        except ObjectUnavailableError:
            raise
        except ObjectError as error:
            log.warning("an object could not be brought", key=listed.key, why=logs.redact(str(error)))
            self.told.bad.append((listed.key, error.message))
            return
        self.told.brought += 1
        self.told.bytes += info.size_bytes

    def _put(self, info: ObjectInfo) -> None:
        is_checkpoint = info.key.startswith(PREFIX)
        kind = CHECKPOINT_TYPE if is_checkpoint else CONTENT_TYPE
        with self._file(info) as path:
            try:
                if not info.sha256:
                    raise ObjectChecksumError("nobody noted what it should be")
                self._new.put_file(info.key, path, sha256=info.sha256, metadata=info.metadata, content_type=kind)
            except ObjectChecksumError:
                digest = _digest(path)
                if digest == info.sha256:
                    raise
                if info.sha256:
                    self.told.damaged.append(info.key)
                self._new.put_file(info.key, path, sha256=digest, metadata=info.metadata, content_type=kind)
        if is_checkpoint:
            self._new.protect(info.key, info.modified_ns + self._lock_ns)

    @contextmanager
    def _file(self, info: ObjectInfo) -> Iterator[Path]:
        if isinstance(self._old, FolderStore):
            yield self._old.file(info.key)
            return
        with tempfile.NamedTemporaryFile(prefix="vms-moving-") as file:
            for offset in range(0, info.size_bytes, _BLOCK_BYTES):
                file.write(self._old.get(info.key, offset, _BLOCK_BYTES))
            file.flush()
            yield Path(file.name)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
