"""The client of nats-py as we use it: one connection that is not mended but replaced, and its errors as ours.

nats-py can reconnect by itself, but ends for good at several of the server's errors and may wait without limit for a
peer that is silent; `vms.bus.link` therefore makes a new client for each connection, and `abort` ends one at once.
"""

from __future__ import annotations

import asyncio

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.transport import TcpTransport

from vms import logs
from vms.errors import BusError, BusTimeoutError, ConflictError, NoResponderError, NotFoundError, VmsError

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
    """A client with `abort`."""

    def __init__(self) -> None:
        super().__init__()
        self._own_transport = _Transport()
        self._transport = self._own_transport

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
