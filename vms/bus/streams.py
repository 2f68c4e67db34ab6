"""JetStream as the cluster uses it: streams on disk, messages put once by their id, pulled and acknowledged.

Reached through `NatsLink`; every error is one of ours. Event loop only.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import nats.errors
import nats.js.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext, api

from vms.bus.client import translated

_MSG_ID = api.Header.MSG_ID.value
_EXPECTED_LAST = api.Header.EXPECTED_LAST_SUBJECT_SEQUENCE.value
_FAILURES = (nats.errors.Error, TimeoutError, OSError)


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """A stream on disk. `keep_last`: how many messages of a subject are kept (None: all). `max_bytes`, `max_age_s`:
    above it the oldest go, or, with `refuse_new`, new ones are refused. `duplicates_s`: how long message ids are
    remembered. `work`: a message goes once it is acknowledged."""

    name: str
    subjects: tuple[str, ...]
    keep_last: int | None = None
    max_age_s: float | None = None
    max_bytes: int | None = None
    refuse_new: bool = False
    duplicates_s: float = 600.0
    work: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """Where a message is in its stream; `duplicate`: it was there already, by its id."""

    stream: str
    number: int
    duplicate: bool


async def ensure_stream(js: JetStreamContext, config: StreamConfig) -> None:
    """Make the stream, or change it to what is asked."""
    wanted = api.StreamConfig(
        name=config.name,
        subjects=list(config.subjects),
        retention=api.RetentionPolicy.WORK_QUEUE if config.work else api.RetentionPolicy.LIMITS,
        discard=api.DiscardPolicy.NEW if config.refuse_new else api.DiscardPolicy.OLD,
        storage=api.StorageType.FILE,
        max_msgs_per_subject=-1 if config.keep_last is None else config.keep_last,
        max_age=config.max_age_s or 0,
        max_bytes=-1 if config.max_bytes is None else config.max_bytes,
        duplicate_window=min(config.duplicates_s, config.max_age_s or config.duplicates_s),
        num_replicas=1,
        allow_direct=False,
    )
    try:
        try:
            await js.update_stream(wanted)
        except nats.js.errors.NotFoundError:
            await js.add_stream(wanted)
    except _FAILURES as error:
        raise translated(error, f"stream {config.name}") from error


async def publish_stream(
    js: JetStreamContext, subject: str, data: bytes, msg_id: str, stream: str, expected_last: int | None
) -> Published:
    """See `NatsLink.publish_stream`."""
    headers = {_MSG_ID: msg_id} if msg_id else {}
    if expected_last is not None:
        headers[_EXPECTED_LAST] = str(expected_last)
    try:
        done = await js.publish(subject, data, stream=stream or None, headers=headers or None)
    except _FAILURES as error:
        raise translated(error, subject) from error
    return Published(done.stream, done.seq, bool(done.duplicate))


class StreamMessage:
    """A message of a stream. `number`: its place there; `deliveries` counts from 1; `pending`: how many come after."""

    def __init__(self, message: Msg) -> None:
        meta = message.metadata
        self._message = message
        self.subject = message.subject
        self.data = message.data
        self.msg_id = (message.headers or {}).get(_MSG_ID, "")
        self.number = meta.sequence.stream
        self.deliveries = meta.num_delivered
        self.pending = meta.num_pending

    async def ack(self) -> None:
        """It need not come again. Sent, not waited for: where it is lost, the message comes again."""
        try:
            await self._message.ack()
        except _FAILURES as error:
            raise translated(error, "acknowledgement") from error

    async def later(self, delay_s: float = 1.0) -> None:
        """Let it come again after a while."""
        try:
            await self._message.nak(delay_s)
        except _FAILURES as error:
            raise translated(error, "refusal") from error


class Pull:
    """Messages of a stream for one durable consumer, oldest first. Several pulls of one consumer share its messages.
    After a break of the connection the next `get` begins anew; what was not acknowledged comes again."""

    def __init__(
        self, jetstream: Callable[[], JetStreamContext], stream: str, durable: str, *, batch: int, ack_wait_s: float
    ) -> None:
        self._jetstream = jetstream
        self._stream, self._durable, self._batch, self._ack_wait_s = stream, durable, batch, ack_wait_s
        self._js: JetStreamContext | None = None
        self._bound: JetStreamContext.PullSubscription | None = None

    async def get(self, timeout_s: float = 5.0) -> list[StreamMessage]:
        """What there is, up to `batch` messages; waits for the first, and is empty when none came in time.
        BusTimeoutError without a connection, NotFoundError without the stream, NoResponderError when the domain is not
        reached. The consumer is made where there is none."""
        js = self._jetstream()
        try:
            if self._bound is None or self._js is not js:
                self._bound, self._js = await self._bind(js), js
            messages = await self._bound.fetch(self._batch, timeout_s)
        except _FAILURES as error:
            if isinstance(error, TimeoutError) and self._bound is not None and self._js is js:
                return []
            await self.close()
            raise translated(error, f"stream {self._stream}") from error
        return [StreamMessage(message) for message in messages]

    async def _bind(self, js: JetStreamContext) -> JetStreamContext.PullSubscription:
        config = api.ConsumerConfig(
            durable_name=self._durable,
            ack_policy=api.AckPolicy.EXPLICIT,
            deliver_policy=api.DeliverPolicy.ALL,
            ack_wait=self._ack_wait_s,
            max_ack_pending=max(1000, 4 * self._batch),
        )
        await js.add_consumer(self._stream, config)
        return await js.pull_subscribe_bind(durable=self._durable, stream=self._stream)

    async def close(self) -> None:
        """Stop; the consumer stays. Idempotent."""
        bound, self._bound = self._bound, None
        if bound is not None:
            with suppress(*_FAILURES):
                await bound.unsubscribe()
