"""E6: a thousand cameras from CSV with a hundred broken lines over HTTP: dry run, import, once more."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from tests.bench.report import Row
from tests.web.fakes import FakePlayback
from tests.web.sheet_files import file_of
from vms.bus.memory import MemoryBus
from vms.clock import ManualClock
from vms.domain.camera import Site
from vms.domain.ids import new_id
from vms.domain.person import Person
from vms.domain.rights import EVERYTHING
from vms.store.catalogue import Catalogue
from vms.sync.presence import Presence
from web.app import WebContext, WebOptions, create_app, parts_of_app
from web.security.passwords import Argon2Cost, hash_password

LINES, BROKEN = 1000, 100
_COST = Argon2Cost(passes=1, memory_kib=64, lanes=1)
_PASSWORD = "ulin-dan-meranti"


async def thousand(folder: Path) -> Sequence[Row]:
    """Seconds of each, and what came of them."""
    clock, bus = ManualClock(), MemoryBus()
    catalogue = await Catalogue.open(f"sqlite:///{folder}/vms.db", key=bytes(32), clock=clock)
    await catalogue.sites.put(Site(new_id(), "sampit", "Sampit"))
    await catalogue.people.put(
        Person(new_id(), "admin", "Admin", hash_password(_PASSWORD, _COST), grants=EVERYTHING.grants)
    )
    app = create_app(WebContext(catalogue, bus, FakePlayback(), clock, Presence(bus, clock), WebOptions(argon2=_COST)))
    try:
        async with parts_of_app(app).running():
            transport = httpx.ASGITransport(app=app, client=("203.0.113.5", 40_000))
            async with httpx.AsyncClient(transport=transport, base_url="http://vms.test", timeout=120) as client:
                return await _measured(client, catalogue)
    finally:
        await bus.close()
        await catalogue.close()


async def _measured(client: httpx.AsyncClient, catalogue: Catalogue) -> list[Row]:
    signed = await client.post("/api/session", json={"username": "admin", "password": _PASSWORD})
    client.headers.update({"X-CSRF-Token": signed.json()["csrf"], "Content-Type": "text/csv"})
    data, wrong = file_of(LINES, BROKEN)
    took: dict[str, float] = {}
    answers = {}
    for name, query in (("dry_run", "?dry_run=true"), ("import", ""), ("again", "")):
        before = len(await catalogue.cameras.list())
        began = time.perf_counter()
        answers[name] = (await client.post(f"/api/cameras/import{query}", content=data)).json()
        took[name] = time.perf_counter() - began
        if name != "import" and len(await catalogue.cameras.list()) != before:
            raise AssertionError(f"the {name} changed something")
    explained = sum(
        (fault["column"], fault["place"], fault["reason"]) == wrong.get(line["line"])
        for line in answers["import"]["lines"]
        for fault in line["faults"]
    )
    return [
        Row("E6", "import of 1,000 cameras, 100 lines broken", took["import"], "s", LINES),
        Row("E6.dry_run", "the same as a dry run, which changes nothing", took["dry_run"], "s", LINES),
        Row("E6.again", "the same file once more, which changes nothing", took["again"], "s", LINES),
        Row("E6.in", "cameras that are in", len(await catalogue.cameras.list()), "", LINES),
        Row("E6.explained", "broken lines explained by line and column", explained, "", BROKEN),
    ]
