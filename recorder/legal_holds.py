"""Legal holds in Stores that have them (S3 with Object Lock), as the Holds of the catalogue want them: put on what a
Hold claims and lies there, also when it is stored later, and taken off when nothing claims it any more. Event loop;
Stores block on the executor that is given.

The rows alone keep footage from retention; this keeps it from whoever else has a key of the bucket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace

from vms import logs
from vms.clock import NS_PER_S, Clock
from vms.domain.footage import CopyState, Segment
from vms.domain.hold import MARGIN_NS, Hold
from vms.errors import ObjectError, ObjectMissingError
from vms.objects.base import ObjectStore
from vms.store import Catalogue

log = logs.get(__name__)

_AGAIN_NS = 3600 * NS_PER_S
_LATE_NS = 2 * 3600 * NS_PER_S


@dataclass
class LegalHolds:
    """`own`: names of the Stores beside this node. What is new is looked for in the last two hours of each Hold, in all
    of it when it is new or an hour has passed."""

    catalogue: Catalogue
    stores: Mapping[str, ObjectStore]
    clock: Clock
    batch: int = 200
    _seen: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    _without: dict[str, int] = field(default_factory=dict)

    async def look(self, own: Collection[str], executor: Executor, now_ns: int, let_go_ns: int) -> int:
        """One round; how many legal holds were put on or taken off. A Store that fails is left for the next round."""
        done = 0
        for name in sorted(own):
            store = self.stores.get(name)
            if self._without.get(name, 0) <= self.clock.mono_ns() - _AGAIN_NS:
                self._without.pop(name, None)  # its bucket or our rights may be others by now
            if store is None or name in self._without:
                continue
            try:
                for hold in await self.catalogue.holds.in_force(let_go_ns):
                    done += await self._lock(store, hold, executor, now_ns)
                    if name in self._without:
                        break
                for segment in await self.catalogue.holds.to_unlock(name, let_go_ns, self.batch):
                    done += await self._set(store, segment, executor, on=False)
            except ObjectError as error:
                log.warning("legal holds are not as they should be", store=name, why=logs.redact(str(error)))
        return done

    async def _lock(self, store: ObjectStore, hold: Hold, executor: Executor, now_ns: int) -> int:
        key, mono_ns = (store.name, hold.id), self.clock.mono_ns()
        rev, at_ns = self._seen.get(key, (0, 0))
        whole = rev != hold.rev or mono_ns - at_ns >= _AGAIN_NS
        from_ns = 0 if whole else now_ns - _LATE_NS
        if hold.end_ns is not None and hold.end_ns + MARGIN_NS < from_ns:
            return 0
        found = await self.catalogue.holds.to_lock(store.name, hold, from_ns, self.batch)
        done = sum([await self._set(store, segment, executor, on=True) for segment in found])
        if whole and len(found) < self.batch:
            self._seen[key] = (hold.rev, mono_ns)
        return done

    async def _set(self, store: ObjectStore, segment: Segment, executor: Executor, *, on: bool) -> int:
        if store.name in self._without:
            return 0
        loop = asyncio.get_running_loop()
        try:
            could = await loop.run_in_executor(executor, lambda: store.legal_hold(segment.key, on=on))
        except ObjectMissingError:  # `vms index check` finds it
            return 0
        if not could:
            self._without[store.name] = self.clock.mono_ns()
            return 0
        for copy in await self.catalogue.copies.of(segment.run, segment.number):
            if copy.store == store.name and copy.state is not CopyState.DELETED:
                await self.catalogue.copies.put(replace(copy, locked=on, rev=copy.rev + 1))
        return 1
