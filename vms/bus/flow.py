"""Messages of a stream as they come, over a slow line too, and what a stream and its readers say of themselves.

A `Flow` keeps requests for more at the server while earlier messages are worked at, so that a long round trip costs
nothing, and gives what came at once (nats-py's fetch waits until its batch is full). Several flows of one durable
consumer share its messages. Event loop only.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from vms.bus.client import LinkClient, translated
from vms.bus.link import NatsLink
from vms.bus.streams import StreamMessage
from vms.domain.ids import new_id
from vms.errors import BusError, BusTimeoutError, NotFoundError

_NS = 1_000_000_000
_HEARTBEAT_S = 2.0
_SILENT_S = 3.5 * _HEARTBEAT_S
_EXPIRES_S = 20.0
_NOT_FOUND = {10014, 10059}  # JSConsumerNotFoundErr, JSStreamNotFoundErr


@dataclass(frozen=True, slots=True)
class Reading:
    """What to read: a stream of a domain (None: the link's own), of some subjects or all, as a durable consumer.
    Without a name the consumer is this reader's own, begins at the first message, and goes some minutes after it.
    `batch`: messages on the way at most, `ack_wait_s`: when one that was not acknowledged comes again."""

    stream: str
    durable: str = ""
    subjects: tuple[str, ...] = ()
    domain: str | None = None
    batch: int = 32
    ack_wait_s: float = 30.0


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """`created` tells a stream from another of its name; `first`, `last`: numbers of its messages."""

    created: str
    first: int
    last: int
    messages: int
    size_bytes: int


class Flow:
    """See the module."""

    def __init__(self, link: NatsLink, reading: Reading) -> None:
        self._link, self.reading = link, reading
        self._name = reading.durable or f"own-{new_id()}"
        self._client: LinkClient | None = None
        self._subscription: Subscription | None = None
        self._inbox = ""
        self._made = False
        self._asked = 0
        self._heard_s = 0.0
        self._queue: deque[Msg] = deque()
        self._arrived = asyncio.Event()

    async def get(self, timeout_s: float = 5.0) -> list[StreamMessage]:
        """What came, up to `batch` messages; waits for the first, and is empty when none came in time. BusTimeoutError
        without a connection or an answer, NoResponderError where the domain is not reached, NotFoundError without the
        stream."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + timeout_s
        while True:
            await self._prepare()
            if self._queue:
                break
            self._arrived.clear()
            try:
                async with asyncio.timeout(min(until_s - loop.time(), _HEARTBEAT_S)):
                    await self._arrived.wait()
            except TimeoutError:
                if loop.time() >= until_s:
                    break
        taken = [self._queue.popleft() for _ in range(min(len(self._queue), self.reading.batch))]
        await self._ask()
        return [StreamMessage(message) for message in taken]

    async def _prepare(self) -> None:
        client, now_s = self._link.nc, asyncio.get_running_loop().time()
        if client is not self._client:
            self._queue.clear()  # they come again
            self._client, self._made, self._inbox = client, False, f"{self._link.options.inboxes}.{new_id()}"
            try:
                self._subscription = await client.subscribe(self._inbox, cb=self._receive)
            except (nats.errors.Error, OSError) as error:
                self._client = None
                raise translated(error, self.reading.stream) from error
        if self._made and now_s - self._heard_s > _SILENT_S:
            self._made = False  # the line was cut, and what was asked for is forgotten
        if not self._made:
            await self.make()
            self._made, self._asked, self._heard_s = True, 0, asyncio.get_running_loop().time()
        await self._ask()

    async def make(self) -> None:
        """Make the consumer, or change it to what is asked."""
        reading = self.reading
        config: dict[str, Any] = {
            "name": self._name,
            "ack_policy": "explicit",
            "deliver_policy": "all",
            "ack_wait": int(reading.ack_wait_s * _NS),
            "max_ack_pending": max(1000, 4 * reading.batch),
        }
        if reading.durable:
            config["durable_name"] = reading.durable
        else:
            config["inactive_threshold"] = 300 * _NS
        what = f"CONSUMER.CREATE.{reading.stream}.{self._name}"
        if len(reading.subjects) == 1:  # named in the request's own subject, where rights of a leaf can be about it
            config["filter_subject"] = reading.subjects[0]
            what = f"{what}.{reading.subjects[0]}"
        elif reading.subjects:
            config["filter_subjects"] = list(reading.subjects)
        await _api(self._link, what, {"stream_name": reading.stream, "config": config}, reading.domain)

    async def _ask(self) -> None:
        """Ask for more once half of what was asked for has come, unless what came is still lying here."""
        wanted = self.reading.batch - self._asked - len(self._queue)
        if not self._made or wanted < max(1, self.reading.batch // 2):
            return
        request = {"batch": wanted, "expires": int(_EXPIRES_S * _NS), "idle_heartbeat": int(_HEARTBEAT_S * _NS)}
        self._asked += wanted
        subject = f"{_prefix(self._link, self.reading.domain)}.CONSUMER.MSG.NEXT.{self.reading.stream}.{self._name}"
        if self._client is not None:
            with suppress(nats.errors.Error, OSError):  # the connection is gone: the next get begins anew
                await self._client.publish(subject, json.dumps(request).encode(), reply=self._inbox)

    async def _receive(self, message: Msg) -> None:
        self._heard_s = asyncio.get_running_loop().time()
        headers = message.headers or {}
        status = headers.get("Status")
        if status is None:
            self._asked = max(0, self._asked - 1)
            self._queue.append(message)
        elif status == "100":
            return  # it is alive
        elif status in {"404", "408"}:
            self._asked = max(0, self._asked - int(headers.get("Nats-Pending-Messages", self._asked)))
        else:
            self._made = False  # the consumer or its stream is gone, or nobody has it
        self._arrived.set()

    async def close(self) -> None:
        """Stop; a durable consumer stays. Idempotent."""
        subscription, self._subscription, self._client, self._made = self._subscription, None, None, False
        self._queue.clear()
        if subscription is not None:
            with suppress(nats.errors.Error, OSError):
                await subscription.unsubscribe()


async def stream_info(link: NatsLink, stream: str, domain: str | None = None) -> StreamInfo:
    """What there is of a stream. NotFoundError without it."""
    answer = await _api(link, f"STREAM.INFO.{stream}", {}, domain)
    state = answer["state"]
    return StreamInfo(answer["created"], state["first_seq"], state["last_seq"], state["messages"], state["bytes"])


async def subject_counts(link: NatsLink, stream: str) -> dict[str, int]:
    """How many messages of each subject a stream has. NotFoundError without it."""
    answer = await _api(link, f"STREAM.INFO.{stream}", {"subjects_filter": ">"}, None)
    return {str(subject): int(count) for subject, count in (answer["state"].get("subjects") or {}).items()}


async def make_consumer(link: NatsLink, reading: Reading) -> None:
    """Make a durable consumer for who will read later; it is left as it is where it exists."""
    flow = Flow(link, reading)
    await flow.make()


async def acknowledged(link: NatsLink, stream: str, domain: str | None = None) -> dict[str, int]:
    """Up to which number each consumer of a stream has acknowledged everything, by the consumer's name."""
    found: dict[str, int] = {}
    while True:
        answer = await _api(link, f"CONSUMER.LIST.{stream}", {"offset": len(found)}, domain)
        consumers = answer.get("consumers") or []
        found |= {one["name"]: one["ack_floor"]["stream_seq"] for one in consumers}
        if not consumers or len(found) >= answer["total"]:
            return found


async def drop_consumer(link: NatsLink, stream: str, durable: str) -> None:
    """Remove a durable consumer; harmless where there is none."""
    with suppress(NotFoundError):
        await _api(link, f"CONSUMER.DELETE.{stream}.{durable}", {}, None)


async def purge(link: NatsLink, stream: str, before: int, *, subject: str = "") -> None:
    """Remove the messages with numbers below one, of a subject or of all."""
    body: dict[str, Any] = {"seq": before} | ({"filter": subject} if subject else {})
    await _api(link, f"STREAM.PURGE.{stream}", body, None)


def _prefix(link: NatsLink, domain: str | None) -> str:
    return "$JS.API" if not domain or domain == link.options.domain else f"$JS.{domain}.API"


async def _api(link: NatsLink, what: str, body: dict[str, Any], domain: str | None) -> dict[str, Any]:
    subject = f"{_prefix(link, domain)}.{what}"
    payload = json.dumps(body).encode() if body else b""
    answer: dict[str, Any] = json.loads(await link.request(subject, payload, timeout_s=5.0))
    error = answer.get("error")
    if error is None:
        return answer
    text = f"{what}: {error.get('description', 'refused')}"
    if error.get("err_code") in _NOT_FOUND or error.get("code") == 404:
        raise NotFoundError(text)
    if error.get("code") == 503:
        raise BusTimeoutError(text)
    raise BusError(text)
