"""The Service that signs what this Node wrote: every hour and when it is asked, one Checkpoint for each Site concerned.

Event loop; disk and Stores on an executor of its own. A Checkpoint is written into a folder of the Node first, where it
stays until its home Store has it, as Segments do in the spool; only then do its rows stop waiting. So the line may be
cut, and a kill at any step costs nothing but that a row is stated twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from recorder.spool import sync_folders
from recorder.uploader import home_store
from vms import logs
from vms.bus.base import Bus, Value
from vms.clock import NS_PER_MS, NS_PER_S, Clock
from vms.domain.node import NodeSigningKey
from vms.errors import ObjectError
from vms.objects.base import ObjectStore
from vms.proof import chain
from vms.proof.checkpoint import CONTENT_TYPE, PREFIX, Checkpoint, canonical, checkpoint_key, opened, signed
from vms.proof.keys import NodeKey
from vms.service import Service
from vms.store import Catalogue
from vms.store.unsigned import UnsignedRow, key_values

log = logs.get(__name__)

_DAY_NS = 86_400 * NS_PER_S
_AUDITED = "audit.json"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class CheckpointOptions:
    """`folder`: where Checkpoints wait; `most`: entries in one of them; `lock_days`: for how long the bucket keeps them
    from being changed, where it can; `retry_s`: how often to try a Store that does not answer; `certificate`: the
    installation's word for the key, empty where it gave none."""

    node: str
    folder: Path
    every_s: float = 3600.0
    most: int = 20_000
    lock_days: int = 400
    retry_s: float = 30.0
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class _Last:
    """The newest Checkpoint of a Site."""

    number: int
    sha256: str
    to_ns: int
    key: str


class Checkpoints(Service):
    """Service `checkpoints`."""

    name = "checkpoints"

    def __init__(
        self,
        clock: Clock,
        *,
        catalogue: Catalogue,
        bus: Bus,
        stores: Mapping[str, ObjectStore],
        key: NodeKey,
        options: CheckpointOptions,
    ) -> None:
        super().__init__(clock)
        self._catalogue = catalogue
        self._bus = bus
        self._stores = stores
        self._key = key
        self._options = options
        self._making = asyncio.Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._row: NodeSigningKey | None = None

    async def run_once(self) -> None:
        """State and send until stopped."""
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        served = None
        try:
            await self._prepare()
            served = self._bus.serve(f"recorder.checkpoint.{self._options.node}", self._asked)
            due_ns = self.clock.mono_ns() + int(self._options.every_s * NS_PER_S)
            while True:
                waiting = await self.send()
                self.ready()
                left_s = (due_ns - self.clock.mono_ns()) / NS_PER_S
                if not await self.pause(min(left_s, self._options.retry_s) if waiting else left_s):
                    await self.make()  # it is sent at the next start
                    return
                if self.clock.mono_ns() >= due_ns:
                    due_ns += int(self._options.every_s * NS_PER_S)
                    await self.make()
        finally:
            if served is not None:
                served.close()
            self._executor.shutdown(wait=False)

    async def once(self) -> int:
        """State all that waits and send it, for who does not run the Service; how many wait for their Store still."""
        await self._prepare()
        await self.make()
        return await self.send()

    async def make(self) -> list[str]:
        """State all that waits; the object keys of what was made, in order."""
        made: list[str] = []
        async with self._making:
            while rows := await self._catalogue.unsigned.waiting(self._options.node, self._options.most):
                sites: dict[str, list[UnsignedRow]] = {}
                for row in rows:
                    if row.site is not None:
                        sites.setdefault(row.site, []).append(row)
                for site, theirs in sorted(sites.items()):
                    made.append(await self._state(site, theirs))
                await self._catalogue.unsigned.done(rows)
            head = await self._catalogue.unsigned.audit_head(self._options.node)
            if not made and head is not None and head[0] > await self._blocking(self._audited):
                # Who records nothing writes an audit log all the same.
                site = await self._some_site()
                made += [await self._state(site, [])] if site else []
        return made

    async def _some_site(self) -> str:
        """Below which Site a Checkpoint goes that states nothing but the audit log; empty where there is none."""
        lasts = await self._blocking(self._lasts)
        if lasts:
            return max(lasts, key=lambda site: lasts[site].to_ns)
        stands = {node.id: node.site for node in await self._catalogue.nodes.list()}.get(self._options.node)
        roots = [site.id for site in await self._catalogue.sites.list() if site.parent is None]
        return stands or next(iter(roots), "")

    async def send(self) -> int:
        """Bring what waits to its home Store, oldest first; how many wait still."""
        left = 0
        for path in await self._blocking(self._files):
            site = path.relative_to(self._options.folder).parts[1]
            store = self._stores.get(await home_store(self._catalogue, site))
            try:
                if store is None:
                    raise ObjectError(f"there is no Store for the site {site}", hint="Add it to the settings.")
                await self._blocking(lambda path=path, store=store: self._bring(path, store))  # type: ignore[misc]  # of the loop
            except (ObjectError, OSError) as error:
                log.warning("a Checkpoint waits for its Store", why=logs.redact(str(error)))
                left += 1
        return left

    async def _asked(self, _value: Value) -> Value:
        """The newest Checkpoints of this Node by Site, once all that it wrote is in them."""
        await self.make()
        left = await self.send()
        lasts = await self._blocking(self._lasts)
        found = [
            {"site": site, "key": last.key, "sha256": last.sha256, "to_ns": last.to_ns}
            for site, last in sorted(lasts.items())
        ]
        return {"checkpoints": found, "waiting": left}

    async def _prepare(self) -> None:
        node, said = self._options.node, self._options.certificate
        mine = NodeSigningKey(self._key.fingerprint, node, self._key.public, self.clock.now_ns(), said)
        self._row = await self._catalogue.unsigned.own_key(mine)
        if not await self._blocking(self._lasts):
            await self._catalogue.unsigned.keep_all(node)  # what was written before anybody signed

    async def _state(self, site: str, rows: list[UnsignedRow]) -> str:
        if self._row is None:
            raise RuntimeError("a Checkpoint needs the row of its key")
        audit = await self._catalogue.unsigned.audit_head(self._options.node)
        last = (await self._blocking(self._lasts)).get(site)
        now_ns = self.clock.now_ns()
        if last is not None and last.to_ns // NS_PER_MS == now_ns // NS_PER_MS:
            now_ns += NS_PER_MS
        tables, kept = _sorted_out(rows)
        checkpoint = Checkpoint(
            site=site,
            node=self._options.node,
            number=0 if last is None else last.number + 1,
            previous="" if last is None else last.sha256,
            from_ns=now_ns if last is None else last.to_ns,
            to_ns=now_ns,
            key=key_values(self._row),
            rows=tables,
            kept=kept,
            heads=_heads(rows),
            audit=[] if audit is None else list(audit),
        )
        return await self._blocking(lambda: self._write(checkpoint))

    def _write(self, checkpoint: Checkpoint) -> str:
        """Durable when it returns. The Checkpoint first: should the note of it be missing, the file tells the same."""
        folder, key = self._options.folder, checkpoint_key(checkpoint.site, checkpoint.node, checkpoint.to_ns)
        _replace(folder / key, signed(checkpoint, self._key), folder)
        last = {"number": checkpoint.number, "sha256": checkpoint.sha256, "to_ns": checkpoint.to_ns, "key": key}
        _replace(folder / f"last-{checkpoint.site}.json", canonical(last), folder)
        if checkpoint.audit:
            _replace(folder / _AUDITED, canonical({"number": checkpoint.audit[0]}), folder)
        return key

    def _audited(self) -> int:
        """The newest entry of the audit log that a Checkpoint of this Node states."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            return int(json.loads((self._options.folder / _AUDITED).read_bytes())["number"])
        return 0

    def _bring(self, path: Path, store: ObjectStore) -> None:
        key = path.relative_to(self._options.folder).as_posix()
        data = path.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        try:
            held = store.stat(key).sha256 == sha256  # a kill came between the Store's answer and the file's removal
        except ObjectError:
            held = False
        if not held:
            store.put_bytes(key, data, metadata={"version": "1"}, content_type=CONTENT_TYPE)
        store.protect(key, self.clock.now_ns() + self._options.lock_days * _DAY_NS)
        path.unlink()
        for folder in path.parents:
            with suppress(OSError):
                if folder != self._options.folder:
                    folder.rmdir()
                    continue
            return

    def _files(self) -> list[Path]:
        return sorted((self._options.folder / PREFIX).rglob("*.json"), key=lambda path: (len(path.name), path.name))

    def _lasts(self) -> dict[str, _Last]:
        found: dict[str, _Last] = {}
        self._options.folder.mkdir(parents=True, exist_ok=True)
        for path in self._options.folder.glob("last-*.json"):
            with suppress(ValueError, KeyError, TypeError):
                found[path.stem.removeprefix("last-")] = _Last(**json.loads(path.read_bytes()))
        for path in self._files():
            with suppress(ValueError):
                one = opened(path.read_bytes())
                last = found.get(one.site)
                if last is None or one.number > last.number:
                    key = path.relative_to(self._options.folder).as_posix()
                    found[one.site] = _Last(one.number, one.sha256, one.to_ns, key)
        return found

    async def _blocking(self, job: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, job)


def _sorted_out(rows: Iterable[UnsignedRow]) -> tuple[dict[str, list[dict[str, Any]]], list[list[Any]]]:
    """Whole rows by table, and of Segments that are not expired what their objects do not say themselves."""
    tables: dict[str, list[dict[str, Any]]] = {}
    kept: list[list[Any]] = []
    for row in rows:
        if row.image is None:
            continue
        values = row.image.values
        if row.image.table == "segments" and values["state"] != "expired":
            kept.append([values["run"], values["number"], values["state"], values["rev"]])
        else:
            tables.setdefault(row.image.table, []).append(dict(values))
    return tables, sorted(kept)


def _heads(rows: Iterable[UnsignedRow]) -> list[list[Any]]:
    newest: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        if row.image is None or row.image.table != "segments" or not row.image.values["leaf_root"]:
            continue
        values = row.image.values
        before = newest.get(values["run"])
        if before is None or before["number"] < values["number"]:
            newest[values["run"]] = values
    return [
        [run, one["number"], chain.head(run, one["number"], one["previous_root"], one["leaf_root"])]
        for run, one in sorted(newest.items())
    ]


def _replace(path: Path, data: bytes, root: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    other = path.with_name(path.name + ".new")
    with other.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    other.rename(path)
    sync_folders(path, root)
