"""One connection to the NATS server of the node's own zone, mended for ever, and what must outlive its breaks.

`NatsLink` keeps a list of what is listened to and says it anew on each connection. Requests under way fail when the
connection does; events are dropped while there is none. JetStream and its key-value buckets are reached through it
too (`vms.bus.streams`, `vms.bus.kv`). Event loop only.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import nats.errors
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext

from vms import logs, metrics
from vms.bus.asking import Asked
from vms.bus.client import LinkClient, Receive, not_connected, translated
from vms.bus.kv import KeyValue
from vms.bus.sending import Sender
from vms.bus.streams import Published, StreamConfig, ensure_stream, publish_stream
from vms.errors import BusError, SettingsError, VmsError
from vms.service import Backoff

log = logs.get(__name__)

_LOG_EVERY_NS = 60_000_000_000
_LASTING_S = 5.0  # a connection that ended sooner is like one that failed


@dataclass(frozen=True)
class NatsOptions:
    """Where and how. `domain`: JetStream's domain of that server (`hub`, or the site's slug). `queue_bytes`: how much
    may wait to be sent before events are dropped. `patience_s`: how long a request waits for a connection. `ca_file`:
    the authority of the server's certificate, in PEM; without it a `tls://` server needs one that the machine knows."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    name: str = "vms"
    domain: str = ""
    connect_s: float = 5.0
    retry_s: float = 0.25
    retry_cap_s: float = 1.0
    ping_s: float = 2.0
    patience_s: float = 1.0
    queue_bytes: int = 8_000_000
    close_s: float = 2.0
    ca_file: Path | None = None

    @property
    def inboxes(self) -> str:
        """Where answers come to: a place of the domain's own, so that the hub lets no other regency hear them."""
        return f"_INBOX.{self.domain}" if self.domain else "_INBOX"

    def tls(self) -> ssl.SSLContext | None:
        """For a `tls://` server; None for others. SettingsError where the file is no authority."""
        if urlsplit(self.url).scheme != "tls":
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:  # ssl.SSLError is one
            raise SettingsError(
                f"{self.ca_file} cannot be used as the authority of the NATS server",
                hint="Name a PEM file of its authority under cluster.nats.ca_file.",
            ) from error


class Listening:
    """A subject that is listened to, on every connection, until closed."""

    def __init__(self, link: NatsLink, subject: str, queue: str, receive: Receive) -> None:
        self.subject, self.queue, self.receive = subject, queue, receive
        self._link = link

    def close(self) -> None:
        """Stop; idempotent."""
        self._link.forget(self)


class NatsLink:
    """See the module. Made by `connect`."""

    def __init__(self, options: NatsOptions) -> None:
        parts = urlsplit(options.url)
        if parts.scheme not in {"nats", "tls"} or not parts.hostname:
            raise SettingsError("the URL of the NATS server is none", hint="Example: nats://127.0.0.1:4222")
        self.options = options
        self._tls = options.tls()
        self.dropped = 0
        self._client: LinkClient | None = None
        self._sender: Sender | None = None
        self._contexts: dict[tuple[str, float], JetStreamContext] = {}
        self._up = asyncio.Event()
        self._ended = asyncio.Event()
        self._closing = False
        self._runner: asyncio.Task[None] | None = None
        self._callbacks: list[Callable[[bool], None]] = []
        self._heard: dict[Listening, Subscription | None] = {}
        self._asked = Asked(options.inboxes)
        self._failures = logs.Throttle(_LOG_EVERY_NS)
        self._drops = logs.Throttle()
        self._max_payload = 1_048_576

    @classmethod
    async def connect(cls, options: NatsOptions, *, wait_s: float = 2.0) -> NatsLink:
        """A link that connects in the background; waits for that at most `wait_s`, and fails only where the URL is none
        (SettingsError)."""
        link = cls(options)
        metrics.BUS_CONNECTED.labels(options.name).set(0)
        link._runner = asyncio.create_task(link._run(), name=f"nats {options.name}")
        await link.wait_connected(wait_s)
        return link

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._up.is_set()

    @property
    def nc(self) -> LinkClient:
        """The client of nats-py of this connection, for no longer than it lasts. BusTimeoutError without one."""
        if self._client is None:
            raise not_connected(self.options.name)
        return self._client

    @property
    def max_payload(self) -> int:
        """The largest message the server takes, in bytes; that of the last connection while there is none."""
        return self._max_payload

    def on_change(self, callback: Callable[[bool], None]) -> Callable[[], None]:
        """Call with True after each connection and False after its loss, on the loop; returns what takes it back."""
        self._callbacks.append(callback)

        def take_back() -> None:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

        return take_back

    async def wait_connected(self, timeout_s: float | None = None) -> bool:
        """Wait until there is a connection; False when the time was up first."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._up.wait()
        except TimeoutError:
            return False
        return True

    # Subjects

    def listen(self, subject: str, receive: Receive, *, queue: str = "") -> Listening:
        """Call `receive` with each message from now on; with a queue, one of its members gets it."""
        listening = Listening(self, subject, queue, receive)
        self._heard[listening] = None
        if self._sender is not None:
            self._sender.act(lambda client: self._begin(client, listening))
        return listening

    def forget(self, listening: Listening) -> None:
        """Called by close()."""
        subscription = self._heard.pop(listening, None)
        if subscription is not None and self._sender is not None:
            self._sender.act(lambda client: client.stop_receiving(subscription))

    async def _begin(self, client: LinkClient, listening: Listening) -> None:
        if listening not in self._heard:
            return  # it was closed before its turn came
        receive = listening.receive

        def handed(subject: str, reply: str, data: bytes) -> None:
            if listening in self._heard:
                receive(subject, reply, data)

        subscription = await client.receive(listening.subject, listening.queue, handed)
        if listening in self._heard:
            self._heard[listening] = subscription
        else:
            await client.stop_receiving(subscription)

    def publish(self, subject: str, payload: bytes) -> None:
        """Send to everyone who listens; never waits. Dropped and counted while there is no connection, when more waits
        than the queue may hold (the oldest first), and when it is larger than the server takes."""
        if self._sender is None:
            self.drop(subject)
        elif len(payload) > self._max_payload:
            self._lost(subject, f"{len(payload)} bytes are more than one message may have")
        else:
            self._sender.event(subject, payload)

    def drop(self, subject: str) -> None:
        """Count an event that is not sent because there is no connection."""
        self._lost(subject, "there is no connection")

    def _lost(self, subject: str, why: str = "the server does not take them") -> None:
        self.dropped += 1
        metrics.BUS_DROPPED.labels(self.options.name).inc()
        silent = self._drops.admit(time.monotonic_ns())
        if silent is not None:
            log.warning("events dropped", link=self.options.name, subject=subject, why=why, silent=silent)

    async def request(self, subject: str, payload: bytes, *, timeout_s: float) -> bytes:
        """The answer of one who listens. NoResponderError, BusTimeoutError (also without a connection, and when it
        breaks before the answer), BusError where the message is larger than the server takes."""
        until = asyncio.get_running_loop().time() + timeout_s
        if not self.connected:
            await self.wait_connected(min(timeout_s, self.options.patience_s))
        if self._sender is None:
            raise not_connected(self.options.name)
        self.check_size(subject, payload)
        reply = self._asked.expect()
        self._sender.put(subject, payload, reply)
        return await self._asked.answer(reply, subject, until)

    def give_up(self, error: VmsError) -> None:
        """Fail the requests under way."""
        self._asked.fail(error)

    def answer(self, reply: str, payload: bytes) -> None:
        """Send the answer to a request; lost where the connection is. BusError where it is too large."""
        self.check_size("an answer", payload)
        if self._sender is not None:
            self._sender.put(reply, payload)

    def check_size(self, what: str, payload: bytes) -> None:
        """BusError where the server would not take it."""
        if len(payload) > self._max_payload:
            raise BusError(
                f"{what}: {len(payload)} bytes are more than one message may have ({self._max_payload})",
                hint="Ask for less at once.",
                reason="bus_too_large",
            )

    async def flush(self, timeout_s: float = 5.0) -> None:
        """Wait until the server has heard what was sent so far; BusTimeoutError when it has not in time."""
        if self._sender is None:
            raise not_connected(self.options.name)
        try:
            async with asyncio.timeout(timeout_s):
                await self._sender.idle()
                await self.nc.flush()
        except (TimeoutError, nats.errors.Error, OSError) as error:
            raise translated(error, "flush") from error

    # JetStream

    def jetstream(self, domain: str | None = None, *, timeout_s: float = 5.0) -> JetStreamContext:
        """JetStream of a domain, None: of the server's own; the same object as long as the connection is the same.
        BusTimeoutError without one."""
        client = self.nc
        foreign = domain if domain and domain != self.options.domain else ""
        if (found := self._contexts.get((foreign, timeout_s))) is None:
            found = client.jetstream(domain=foreign or None, timeout=timeout_s)
            self._contexts[foreign, timeout_s] = found
        return found

    async def ensure_stream(self, config: StreamConfig, *, domain: str | None = None) -> None:
        """Make the stream, or change it to what is asked. NoResponderError, BusTimeoutError, BusError."""
        await ensure_stream(self.jetstream(domain), config)

    async def publish_stream(
        self, subject: str, data: bytes, *, msg_id: str = "", stream: str = "", expected_last: int | None = None
    ) -> Published:
        """Put a message into the stream of the server's own domain that has the subject; returns once it is stored.
        One whose `msg_id` the stream has had within its window is not put again (`duplicate`). With `expected_last`
        only where that is the number of the subject's newest message (0: there is none), else ConflictError. After
        BusTimeoutError it may be in the stream or not."""
        self.check_size(subject, data)
        return await publish_stream(self.jetstream(), subject, data, msg_id, stream, expected_last)

    def kv(self, bucket: str, ttl_s: float | None = None) -> KeyValue:
        """A bucket of the server's own domain, made at first use; a key goes `ttl_s` after it was written last."""
        return KeyValue(self.jetstream, self.wait_connected, bucket, ttl_s)

    # The connection

    async def close(self) -> None:
        """Send what waits and end; idempotent, bounded by some times `close_s`."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        if self.connected:
            try:
                await self.flush(self.options.close_s)
            except BusError:
                log.debug("closed with messages unsent", link=self.options.name)
        self._closing = True
        for _ in range(3):  # nats-py, and wait_for before Python 3.12, may swallow a cancellation
            runner.cancel()
            await asyncio.wait({runner}, timeout=3 * self.options.close_s)
            if runner.done():
                break
        self._heard.clear()

    async def _run(self) -> None:
        backoff = Backoff(self.options.retry_s, self.options.retry_cap_s)
        while not self._closing:
            client = LinkClient()
            try:
                await self._open(client)
                opened = time.monotonic()
                await self._use(client)
                if time.monotonic() - opened > _LASTING_S:
                    backoff.reset()
            except Exception as error:  # noqa: BLE001 - whatever it was, the connection is tried again
                self._failed(error)
            finally:
                await client.end(self.options.close_s)
            if not self._closing:
                await asyncio.sleep(backoff.next_s())

    async def _open(self, client: LinkClient) -> None:
        self._ended.clear()
        options = self.options
        async with asyncio.timeout(options.connect_s):
            await client.connect(
                options.url,
                name=options.name,
                user=options.user or None,
                password=options.password or None,
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=max(1, round(options.connect_s)),
                ping_interval=max(1, round(options.ping_s)),
                max_outstanding_pings=2,
                no_echo=True,
                inbox_prefix=options.inboxes,
                tls=self._tls,
                pending_size=1_000_000,
                error_cb=self._erred,
                closed_cb=self._closed,
            )

    async def _closed(self) -> None:
        self._ended.set()

    async def _erred(self, error: Exception) -> None:
        self._failed(error)

    def _failed(self, error: Exception) -> None:
        silent = self._failures.admit(time.monotonic_ns())
        if silent is not None:
            why = logs.redact(f"{type(error).__name__}: {error}", [self.options.password])
            log.warning("message server", link=self.options.name, url=self.options.url, why=why, silent=silent)

    async def _use(self, client: LinkClient) -> None:
        """Until the connection breaks."""
        self._client, self._max_payload = client, client.max_payload
        self._sender = sender = Sender(client, self.options.queue_bytes, self._lost, self._failed)
        sender.act(lambda _: client.subscribe(self._asked.inbox, cb=self._asked.receive))
        for listening in self._heard:
            sender.act(partial(self._begin, listening=listening))
        sending = asyncio.create_task(sender.run())
        ended = asyncio.create_task(self._ended.wait())
        self._changed(up=True)
        try:
            # The client is looked at as well as waited for: it tells of its end only after it has sent what it had,
            # which a silent peer may put off without limit.
            while not (self._closing or client.is_closed or sending.done() or ended.done()):
                await asyncio.wait({sending, ended}, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
        finally:
            lost = sender.stop()
            self.dropped += lost
            metrics.BUS_DROPPED.labels(self.options.name).inc(lost)
            sending.cancel()
            ended.cancel()
            self._changed(up=False)
            await asyncio.gather(sending, ended, return_exceptions=True)

    def _changed(self, *, up: bool) -> None:
        if up:
            self._up.set()
        else:
            self._up.clear()
            self._client = self._sender = None
            self._contexts.clear()
            self._heard = dict.fromkeys(self._heard)
            self._asked.fail(not_connected(self.options.name))
        log.info("message server", link=self.options.name, connected=up)
        metrics.BUS_CONNECTED.labels(self.options.name).set(int(up))
        for callback in list(self._callbacks):
            callback(up)
