"""How fast this node may send to a Store: a rate shared by all its sockets, kept by the kernel. Any thread.

SO_MAX_PACING_RATE (socket(7)) spreads packets in time, so that an upload does not fill the queue of a thin line that
live video needs too; TCP_CONGESTION (tcp(7)) is asked for per socket: on a lossy line the sender's choice decides.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import sys
import termios
import threading
import weakref
from contextlib import suppress

from vms import logs

log = logs.get(__name__)

SO_MAX_PACING_RATE = 47
UNLIMITED = 0xFFFF_FFFF
LEAST_BYTES_PER_S = 8_000


def _is_sending(sock: socket.socket) -> bool:
    """Whether bytes are in its queue that are not acknowledged (SIOCOUTQ, tcp(7))."""
    try:
        (queued,) = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))
    except (OSError, ValueError):
        return False
    return bool(queued)


class Pace:
    """Bytes a second over all sockets that were given to it and send now; None: as fast as they go. To be set again now
    and then, as others begin and end to send."""

    def __init__(self, congestion: str = "bbr") -> None:
        self._congestion = congestion.encode()
        self._lock = threading.Lock()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._rate: float | None = None
        self._refused = False

    @property
    def bytes_per_s(self) -> float | None:
        """What was set last."""
        return self._rate

    def take(self, sock: socket.socket) -> None:
        """One more connected TCP socket."""
        self._prefer(sock)
        with self._lock:
            self._sockets.add(sock)
            self._apply()

    def set(self, bytes_per_s: float | None) -> None:
        """Another rate, from now on, for all of them together."""
        with self._lock:
            self._rate = bytes_per_s
            self._apply()

    def _prefer(self, sock: socket.socket) -> None:
        """Some kernels do not have it; then the default of the machine it is, which `vms doctor` judges."""
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, self._congestion)
        except OSError as error:
            if not self._refused:
                log.warning("congestion control cannot be chosen", wanted=self._congestion.decode(), why=str(error))
            self._refused = True

    def _apply(self) -> None:
        alive = [sock for sock in self._sockets if sock.fileno() >= 0]
        sending = sum(map(_is_sending, alive)) or len(alive)  # idle ones of a pool take nothing
        share = UNLIMITED
        if self._rate is not None:
            share = max(LEAST_BYTES_PER_S, min(UNLIMITED - 1, int(self._rate / max(1, sending))))
        for sock in alive:
            with suppress(OSError):  # closed meanwhile
                sock.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, share.to_bytes(4, sys.byteorder))
