"""JetStream as the cluster uses it: streams on disk, messages put once by their id, read and acknowledged.

Reached through `NatsLink`, read through `vms.bus.flow`; every error is one of ours. Event loop only.
"""

from __future__ import annotations

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
    remembered."""

    name: str
    subjects: tuple[str, ...]
    keep_last: int | None = None
    max_age_s: float | None = None
    max_bytes: int | None = None
    refuse_new: bool = False
    duplicates_s: float = 600.0


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
        retention=api.RetentionPolicy.LIMITS,
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
