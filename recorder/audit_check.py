"""The audit logs of all Nodes against themselves and against the Checkpoints that the Nodes signed.

Each log is a chain of hashes, so that a changed, removed or added entry shows by itself, unless all behind it was made
anew; that shows against the newest entry that a Checkpoint states. Event loop; Stores on an executor. Changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from recorder.verify import Verdict
from vms.domain.audit import AuditEntry, AuditFault, ChainWalk
from vms.domain.node import NodeSigningKey
from vms.errors import ObjectError
from vms.objects.base import ObjectStore
from vms.proof.certificate import certified_by
from vms.proof.checkpoint import PREFIX, BadCheckpointError, Checkpoint, broken_links, opened
from vms.store import Catalogue

_ON_ITS_WAY_NS = 86_400 * 10**9
"""For how long entries of another node may be stated by its Checkpoint, and not be here: its line may be cut."""
_PARTS = 7


@dataclass(frozen=True, slots=True)
class Stated:
    """That a Node signed: entry `number` of its log has this hash. `installation`: who certifies its key, or empty."""

    number: int
    hash: str
    at_ns: int
    signer: str
    installation: str


@dataclass
class ChainFound:
    """One Node's log. `by`: the newest statement that fits, None where there is none; `at`: the entry that is concerned
    where that is there still; `waits`: entries that are stated and have not come here from another Node's site yet."""

    node: str
    name: str
    count: int = 0
    vouched: int = 0
    by: Stated | None = None
    fault: AuditFault | None = None
    at: AuditEntry | None = None
    waits: AuditFault | None = None


@dataclass
class AuditFound:
    """`bad`: Checkpoints that are none any more, or that are missing, in words."""

    chains: list[ChainFound] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    checkpoints: int = 0

    def verdict(self, key: str) -> Verdict:
        """As `vms verify` has them; `key`: the fingerprint on the key sheet, or empty."""
        known = "".join(key.split()).replace(":", "").lower()
        signers = [{one.by.signer, one.by.installation} for one in self.chains if one.by is not None]
        if self.bad or any(one.fault is not None for one in self.chains):
            return Verdict.CHANGED
        if not known or not signers:
            return Verdict.COMPARE
        return Verdict.INTACT if all(known in prints for prints in signers) else Verdict.OTHER_KEY


@dataclass
class _Read:
    """What Checkpoints say, by Node."""

    stated: dict[str, list[Stated]] = field(default_factory=dict)
    bad: list[str] = field(default_factory=list)
    count: int = 0


async def check_audit(
    catalogue: Catalogue,
    stores: Mapping[str, ObjectStore],
    *,
    own: str,
    now_ns: int,
    folder: Path | None = None,
    deep: bool = False,
    tell: Callable[[str], None] = lambda _what: None,
) -> AuditFound:
    """Check every log that is here. `own`: the Node whose data folder this is; `folder`: where its Checkpoints wait for
    their Store. Of a Node's Checkpoints the newest and the first of each day are read; `deep`: all of them."""
    keys = {key.fingerprint: key for key in await catalogue.unsigned.keys()}
    read = _Read()
    for name, store in sorted(stores.items()):
        tell(f"Checkpoints in the Store {name}")
        await asyncio.to_thread(partial(_read_store, name, store, keys, read, deep=deep))
    if folder is not None:
        await asyncio.to_thread(partial(_read_folder, folder, keys, read))
    names = {node.id: node.name for node in await catalogue.nodes.list()}
    found = AuditFound(bad=read.bad, checkpoints=read.count)
    for node in await catalogue.audit.chains():
        tell(f"the log of {names.get(node, node)}")
        chain = await _chain(catalogue, ChainFound(node, names.get(node, "")), read.stated.get(node, []))
        found.chains.append(_sorted_out(chain, read.stated.get(node, []), own, now_ns))
    for node in sorted(read.stated.keys() - {chain.node for chain in found.chains}):
        chain = await _chain(catalogue, ChainFound(node, names.get(node, "")), read.stated[node])
        found.chains.append(_sorted_out(chain, read.stated[node], own, now_ns))
    return found


async def _chain(catalogue: Catalogue, found: ChainFound, stated: list[Stated]) -> ChainFound:
    hashes: dict[int, set[str]] = {}
    for one in stated:
        hashes.setdefault(one.number, set()).add(one.hash)
    walk = ChainWalk(hashes)
    async for entry in catalogue.audit.entries(found.node):
        walk.add(entry)
        if walk.fault is not None:
            found.at = entry
            break
    found.count, found.vouched, found.fault = walk.count, walk.vouched, walk.fault
    found.by = next((one for one in reversed(stated) if one.number == walk.vouched), None)
    found.waits = walk.beyond()
    return found


def _sorted_out(found: ChainFound, stated: list[Stated], own: str, now_ns: int) -> ChainFound:
    """Entries at the end that are stated and not here: removed, or those of another Node that are not here yet."""
    if found.waits is None:
        return found
    since_ns = min(one.at_ns for one in stated if one.number > found.count)
    if found.node == own or now_ns - since_ns > _ON_ITS_WAY_NS:
        return replace(found, fault=found.waits, waits=None)
    return found


def _read_store(name: str, store: ObjectStore, keys: Mapping[str, NodeSigningKey], read: _Read, *, deep: bool) -> None:
    by_place: dict[str, list[str]] = {}
    try:
        for listed in store.list(PREFIX):
            place = "/".join(listed.key.split("/")[:3])
            by_place.setdefault(place, []).append(listed.key)
    except ObjectError as error:
        read.bad.append(f"the Store {name} cannot be read: {error.message}")
        return
    for place, listed_keys in sorted(by_place.items()):
        chain = []
        for key in listed_keys if deep else _some(listed_keys):
            try:
                one = opened(store.get(key))
            except ObjectError as error:
                read.bad.append(f"{key} in the Store {name} cannot be read: {error.message}")
            except BadCheckpointError as error:
                read.bad.append(f"{key} in the Store {name}: {error}")
            else:
                chain.append(one)
                _take(one, keys, read)
        if deep:
            for one in broken_links(sorted(chain, key=lambda one: one.number))[:1]:
                words = f"Checkpoint {one.number} does not follow the one before: one is missing, or was written anew"
                read.bad.append(f"{place} in the Store {name}: {words}")


def _read_folder(folder: Path, keys: Mapping[str, NodeSigningKey], read: _Read) -> None:
    for path in sorted((folder / PREFIX).rglob("*.json")):
        try:
            _take(opened(path.read_bytes()), keys, read)
        except (OSError, BadCheckpointError) as error:
            read.bad.append(f"{path}: {error}")


def _take(one: Checkpoint, keys: Mapping[str, NodeSigningKey], read: _Read) -> None:
    read.count += 1
    if len(one.audit) != 2:
        return
    row = keys.get(one.fingerprint)
    words = [str(one.key.get("certificate", "")), "" if row is None else row.certificate]
    by = next(filter(None, (certified_by(word, one.node, str(one.key["public_key"])) for word in words)), "")
    stated = Stated(int(one.audit[0]), str(one.audit[1]), one.to_ns, one.fingerprint, by)
    read.stated.setdefault(one.node, []).append(stated)


def _some(keys: Iterable[str]) -> Iterator[str]:
    """Of keys in order of time, the first of each day and the last."""
    day, last = "", ""
    for key in keys:
        parts = key.split("/")
        today = "/".join(parts[3:6]) if len(parts) == _PARTS else key
        if today != day:
            day, last = today, ""
            yield key
        else:
            last = key
    if last:
        yield last
