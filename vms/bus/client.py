"""The client of nats-py as we use it: one connection that is not mended but replaced, and its errors as ours.

nats-py can reconnect by itself, but ends for good at several of the server's errors and may wait without limit for a
peer that is silent; `vms.bus.link` therefore makes a new client for each connection, and `end` ends one by force.
Messages are handed over as they are read, without nats-py's queue and task for each subscription, and others on the
loop get their turn in between: nats-py itself reads on as long as there is anything. Event loop only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.aio.transport import TcpTransport

from vms import logs
from vms.errors import BusError, BusTimeoutError, ConflictError, NoResponderError, NotFoundError, VmsError

BURST = 64  # messages in one go before others on the loop get their turn

Receive = Callable[[str, str, bytes], None]
"""Called with the subject, the subject for the answer (or empty) and the bytes of each message."""

_HINT = "It is tried again by itself; see that the NATS server of this zone runs and can be reached."
# JetStream's codes for a lost compare-and-set (JSStreamWrongLastSequenceErrF, JSStreamWrongLastSequenceConstantErr).
_WRONG_SEQUENCE = {10071, 10164}


class _Transport(TcpTransport):
    def __init__(self) -> None:
        TcpTransport.__init__(self)

    def __bool__(self) -> bool:
        return True  # else the client puts one of its own in place of this while it is not connected

    def abort(self) -> None:
        """Close the socket without waiting for what was not sent; what waits for it is woken."""
        if self._io_writer is not None:
            self._io_writer.transport.abort()


class LinkClient(Client):
    """One connection."""

    def __init__(self) -> None:
        super().__init__()
        self._own_transport = _Transport()
        self._transport = self._own_transport
        self._receivers: dict[Subscription, Receive] = {}
        self._in_burst = 0

    async def receive(self, subject: str, queue: str, receive: Receive) -> Subscription:
        """Subscribe; `receive` is called with each message and must be quick."""

        async def late(message: Msg) -> None:
            receive(message.subject, message.reply, message.data)  # of what came before the next line

        subscription = await self.subscribe(subject, queue, late)
        self._receivers[subscription] = receive
        return subscription

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        # Called by nats-py's parser for each message. Not part of its interface: tests/bus/test_nats.py notices a
        # version that calls something else, by how long a flood of small messages holds up the loop.
        self._in_burst += 1
        if self._in_burst % BURST == 0:
            await asyncio.sleep(0)
        subscription = self._subs.get(sid)
        receive = None if subscription is None else self._receivers.get(subscription)
        if receive is None:
            await super()._process_msg(sid, subject, reply, data, headers)
            return
        try:
            receive(subject.decode(), reply.decode(), data)
        except Exception as error:  # noqa: BLE001 - it would end nats-py's reading, and with it the connection
            await self._error_cb(error)

    async def stop_receiving(self, subscription: Subscription) -> None:
        """Unsubscribe."""
        self._receivers.pop(subscription, None)
        await subscription.unsubscribe()

    async def end(self, timeout_s: float) -> None:
        """Close what there is, in the time given or by force."""
        closing = asyncio.ensure_future(self.close())
        await asyncio.wait({closing}, timeout=timeout_s)
        self._own_transport.abort()
        closing.cancel()
        await asyncio.wait({closing}, timeout=timeout_s)
        if closing.done() and not closing.cancelled():
            closing.exception()  # of a connection that is given up anyway


def not_connected(name: str) -> BusTimeoutError:
    """What is raised while there is no connection."""
    return BusTimeoutError(f"there is no connection to the message server ({name})", hint=_HINT, reason="bus_away")


def translated(error: BaseException, what: str) -> VmsError:
    """An error of nats-py as one of ours; `what` says in a word or two what was tried."""
    text = logs.redact(str(error)) or type(error).__name__
    if isinstance(error, nats.js.errors.KeyWrongLastSequenceError) or _code(error) in _WRONG_SEQUENCE:
        return ConflictError(f"{what}: somebody else was first")
    unavailable = nats.js.errors.ServiceUnavailableError | nats.js.errors.NoStreamResponseError
    if isinstance(error, nats.errors.NoRespondersError | unavailable):
        return NoResponderError(
            f"{what}: nobody answers", hint="JetStream of that zone does not run or is not reached."
        )
    if isinstance(error, nats.js.errors.NotFoundError):
        return NotFoundError(f"{what}: {text}")
    if isinstance(error, TimeoutError | nats.errors.ConnectionClosedError | OSError):
        return BusTimeoutError(f"{what}: no answer in time", hint=_HINT)
    return BusError(f"{what}: {text}")


def _code(error: BaseException) -> int | None:
    return getattr(error, "err_code", None) if isinstance(error, nats.js.errors.APIError) else None
