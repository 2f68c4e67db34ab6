"""The UDP socket of the pair that ICE nominated: a batch of packets in one call where the kernel cuts it (UDP_SEGMENT).

Never waits: what the kernel does not take now is dropped and counted, and asked for again by NACK. Event loop only.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Sequence
from typing import Any, Protocol

from vms import metrics

# linux/udp.h; Python has no name for it before 3.12.
_SOL_UDP, _UDP_SEGMENT = 17, 103
_SEGMENT = struct.Struct("=H")
# What a kernel, a card or a path without segmentation answers; single packets may still go.
_UNABLE = {errno.EIO, errno.EINVAL, errno.EMSGSIZE, errno.EOPNOTSUPP, errno.ENOPROTOOPT}


class Connection(Protocol):
    """What a Wire asks of ICE (streamer/ice.py)."""

    def nominated(self) -> tuple[socket.socket, tuple[Any, ...]] | None:
        """The socket of the chosen pair and where it sends to; None before and after."""


class Lane(Protocol):
    """Where packets of one viewer go."""

    def send(self, parts: Sequence[bytes], count: int) -> None:
        """`count` packets, each as header and rest; all as long as the first but the last, which may be shorter."""


class Wire:
    """A Lane to one viewer. `segments`: whether batches are still tried."""

    def __init__(self, connection: Connection, *, segments: bool = True) -> None:
        self._connection = connection
        self.segments = segments

    def send(self, parts: Sequence[bytes], count: int) -> None:
        """`count` packets, each as header and rest; all as long as the first but the last, which may be shorter."""
        where = self._connection.nominated()
        if where is None:
            return
        sock, address = where
        if count > 1 and self.segments:
            size = len(parts[0]) + len(parts[1])
            try:
                sock.sendmsg(parts, [(_SOL_UDP, _UDP_SEGMENT, _SEGMENT.pack(size))], 0, address)
            except OSError as error:
                if error.errno not in _UNABLE:
                    metrics.DROPS.labels("socket").inc(count)
                    return
                self.segments = False
            else:
                return
        for at in range(0, 2 * count, 2):
            _single(sock, address, parts[at], parts[at + 1])


def _single(sock: socket.socket, address: tuple[Any, ...], header: bytes, rest: bytes) -> None:
    try:
        sock.sendto(header + rest, address)
    except OSError:
        metrics.DROPS.labels("socket").inc()
