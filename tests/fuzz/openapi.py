"""Requests that schemathesis makes of our OpenAPI document, sent to the service in this process (bar E3).

Of each operation some that fit the document and some that do not, about things that are there and that are not, by a
signed-in admin. An answer of 500 or more, or one that takes longer than a second, is a fault. Blocking.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.errors import SerializationNotPossible

from tests.web.conftest import ADMIN, CHEAP, KEY, OTHER_SITE, SITE, World, sign_in
from tests.web.fakes import FakeIngest, FakePlayback, FakeStreamer
from tests.web.furniture import furnish
from vms.bus.memory import MemoryBus
from vms.clock import ManualClock
from vms.store.catalogue import Catalogue
from vms.sync.presence import Presence
from web.api.openapi import describe
from web.app import WebContext, WebOptions, create_app, parts_of_app

BASE = "http://vms.test"
LONGEST_S = 1.0
_SENT = ("method", "url", "params", "json", "data", "files", "headers", "cookies")


@dataclass
class Tally:
    """What came of them: `faults` say which request, and what was wrong; `statuses` count the answers."""

    requests: int = 0
    slowest_s: float = 0.0
    faults: list[str] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)


class Service:
    """The service with something of everything in it, on a loop of its own; `ask` sends a request of schemathesis."""

    def __init__(self, folder: Path) -> None:
        self._runner, self._stack = asyncio.Runner(), contextlib.AsyncExitStack()
        self._address = itertools.count(1)
        self._runner.run(self._open(folder))

    async def _open(self, folder: Path) -> None:
        clock, bus = ManualClock(), MemoryBus()
        self._stack.push_async_callback(bus.close)
        catalogue = await Catalogue.open(f"sqlite:///{folder}/vms.db", key=KEY, clock=clock)
        self._stack.push_async_callback(catalogue.close)
        await catalogue.people.put(ADMIN)
        await catalogue.sites.put(SITE)
        await catalogue.sites.put(OTHER_SITE)
        playback = FakePlayback()
        context = WebContext(catalogue, bus, playback, clock, Presence(bus, clock), WebOptions(argon2=CHEAP))
        app = create_app(context)
        await self._stack.enter_async_context(parts_of_app(app).running())
        self._world = World(app, catalogue, bus, clock, FakeIngest(bus), FakeStreamer(bus), playback, ADMIN, SITE)
        self.document = describe(app)
        await self._sign_in()
        self.ids = await furnish(self._world, self._client)

    async def _sign_in(self) -> None:
        """From another address each time: what was asked may have been a hundred wrong passwords."""
        number = next(self._address)
        self._client = self._world.client((f"198.51.{number // 250}.{number % 250 + 1}", 40_000))
        await sign_in(self._client)

    def close(self) -> None:
        """Stop, and end the loop."""
        self._runner.run(self._stack.aclose())
        self._runner.close()

    def ask(self, request: requests.PreparedRequest, tally: Tally) -> None:
        """Send, and judge the answer."""
        self._runner.run(self._ask(request, tally))

    async def _ask(self, request: requests.PreparedRequest, tally: Tally) -> None:
        headers = [
            (name.encode(), value.encode("latin-1", "replace") if isinstance(value, str) else value)
            for name, value in request.headers.items()
            if name.lower() not in {"cookie", "x-csrf-token", "content-length", "connection", "transfer-encoding"}
        ]
        began = time.perf_counter()
        try:
            async with asyncio.timeout(10 * LONGEST_S):
                answer = await self._client.request(
                    str(request.method), str(request.url), headers=headers, content=request.body
                )
        except httpx.InvalidURL:
            return
        except Exception as error:
            tally.faults.append(
                f"{request.method} {request.url}: {type(error).__name__}: {error} {request.body!r}"[:900]
            )
            return
        took_s = time.perf_counter() - began
        tally.requests += 1
        tally.slowest_s = max(tally.slowest_s, took_s)
        tally.statuses[answer.status_code] = tally.statuses.get(answer.status_code, 0) + 1
        if answer.status_code in {500, 501, 502, 505} or took_s > LONGEST_S:
            said = f"{answer.status_code} after {took_s:.2f} s: {request.method} {request.url} {request.body!r}"
            tally.faults.append(said[:900])
        if answer.status_code == 401:
            await self._sign_in()


def fuzz(service: Service, each: int, number: int = 0) -> Tally:
    """So many requests of each operation and kind, from the seed `number`."""
    tally = Tally()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of schemathesis, about what a document could say too
        schema = schemathesis.openapi.from_dict(service.document)
        operations = [found.ok() for found in schema.get_all_operations()]
        for operation in sorted(operations, key=lambda one: (one.method == "delete", one.path, one.method)):
            for strategy in _strategies(operation, service.ids):
                with contextlib.suppress(Unsatisfiable, SerializationNotPossible):  # SDP is of tests/streamer
                    _run(strategy, service, tally, each, number)
    return tally


def _strategies(operation: Any, ids: Mapping[str, str]) -> Iterator[Any]:
    known = {f"{kind}_id": ident for kind, ident in ids.items()}
    names = {one.name for one in operation.path_parameters}
    fixed = {name: known[name] for name in names if name in known}
    yield operation.as_strategy(generation_mode=GenerationMode.POSITIVE, path_parameters=fixed or None)
    yield operation.as_strategy(generation_mode=GenerationMode.NEGATIVE, path_parameters=fixed or None)
    if fixed:
        yield operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)


def _run(strategy: Any, service: Service, tally: Tally, each: int, number: int) -> None:
    @seed(number)
    @settings(
        max_examples=each,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
        print_blob=False,
    )
    @given(strategy)
    def ask(case: Any) -> None:
        sent = case.as_transport_kwargs(base_url=BASE)
        try:
            request = requests.Request(**{name: sent[name] for name in _SENT if name in sent}).prepare()
        except (requests.RequestException, UnicodeError, ValueError):
            return  # no client can send it
        service.ask(request, tally)

    ask()
