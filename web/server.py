"""The service `web`: uvicorn on the loop it is started on, bound by us so that errors are ours and port 0 is told.

Stops within five seconds: sockets closed, walls told, downloads cut after three.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace

import uvicorn
from fastapi import FastAPI

from vms import logs
from vms.clock import Clock
from vms.errors import SettingsError
from vms.service import Service
from web.app import parts_of_app
from web.protocol import ConnectionLimits, GuardedSocket, guarded
from web.relay import MESSAGE_MAX_BYTES
from web.tls import Certificate

log = logs.get(__name__)

_GRACE_S = 3
_STOP_S = 4.5
_BACKLOG = 512
_KEEP_ALIVE_S = 30
_RENEW_EVERY_S = 12 * 3600.0


def bind(host: str, port: int) -> list[socket.socket]:
    """Sockets bound on every address of the host; SettingsError where the address is taken or not ours. They listen
    once they are served: a browser is not kept waiting by a process that still starts."""
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in dict.fromkeys(found):
            listener = socket.socket(family, kind, protocol)
            sockets.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
            listener.setblocking(False)
            if port == 0:
                break  # a second address would get another port
    except OSError as error:
        for listener in sockets:
            listener.close()
        raise SettingsError(
            f"cannot serve at {host}:{port}: {error.strerror or error}",
            hint="Is it running already? Choose another address with --http HOST:PORT.",
        ) from error
    return sockets


def _context(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    certificate.load(context)
    return context


class _NoRefusals(logging.Filter):
    """What anybody can make uvicorn say as often as they like would fill the log. It also takes a handshake that was
    answered by 401 or 403 for one that was forgotten."""

    _SAID = (
        "ASGI callable returned without completing handshake.",
        "Invalid HTTP request received.",
        "Unsupported upgrade request.",
    )

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is kept."""
        return record.getMessage() not in self._SAID


_NO_REFUSALS = _NoRefusals()


class _Server(uvicorn.Server):
    """uvicorn without its hands on the signals of the process."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class WebServer(Service):
    """Serves one application. `port` is the bound one once `listening` is set."""

    name = "web"

    def __init__(
        self,
        clock: Clock,
        app: FastAPI,
        *,
        host: str,
        port: int,
        certificate: Certificate | None = None,
        limits: ConnectionLimits | None = None,
    ) -> None:
        super().__init__(clock)
        self.app = app
        self.host = host
        self.port = port
        self.listening = asyncio.Event()
        self._certificate = certificate
        self._context: ssl.SSLContext | None = None
        self._sockets: list[socket.socket] = []
        self._parts = parts_of_app(app)
        logging.getLogger("uvicorn.error").addFilter(_NO_REFUSALS)
        self._limits = replace(limits or ConnectionLimits(), trusted=self._parts.options.trusted_proxies)

    @property
    def url(self) -> str:
        """Where the page is, as a person on this machine would type it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104
        named = f"[{host}]" if ":" in host and not host.startswith("[") else host
        return f"{'https' if self._certificate else 'http'}://{named}:{self.port}"

    async def prepare(self) -> None:
        """Load the certificate and bind, so that what is wrong with them is said before anything else starts.
        SettingsError."""
        if self._sockets:
            return
        if self._certificate is not None:
            self._context = await asyncio.to_thread(_context, self._certificate)
        self._sockets = bind(self.host, self.port)
        self.port = int(self._sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Give back what was bound and never served."""
        for sock in self._sockets:
            sock.close()
        self._sockets = []

    async def run_once(self) -> None:
        """Bind, serve until stopped, give everything back."""
        await self.prepare()
        context, sockets, self._sockets = self._context, self._sockets, []
        server = _Server(self._config(context))
        serving = asyncio.create_task(server.serve(sockets), name="uvicorn")
        renewing = asyncio.create_task(self._renew(context))
        up, stopping = asyncio.create_task(server.up.wait()), asyncio.create_task(self.stopping.wait())
        self._parts.start()
        try:
            await asyncio.wait({up, serving}, return_when=asyncio.FIRST_COMPLETED)
            if up.done():
                self.ready()
                self.listening.set()
                log.info("serving", url=self.url)
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.listening.clear()
            server.should_exit = True
            for task in (up, stopping, renewing):
                task.cancel()
            await asyncio.gather(up, stopping, renewing, return_exceptions=True)
            await asyncio.gather(self._parts.stop(), self._end(server, serving))

    async def _end(self, server: _Server, serving: asyncio.Task[None]) -> None:
        done, _ = await asyncio.wait({serving}, timeout=_STOP_S)
        if not done:
            serving.cancel()
        for connection in list(server.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        (error,) = await asyncio.gather(serving, return_exceptions=True)
        if isinstance(error, Exception):
            raise error

    def _config(self, context: ssl.SSLContext | None) -> uvicorn.Config:
        return uvicorn.Config(
            self.app,
            http=guarded(self._limits),
            ws=GuardedSocket,
            ws_max_size=MESSAGE_MAX_BYTES,
            ws_per_message_deflate=False,
            loop="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            backlog=_BACKLOG,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_GRACE_S,
            ssl_context_factory=None if context is None else lambda _config, _default: context,
        )

    async def _renew(self, context: ssl.SSLContext | None) -> None:
        certificate = self._certificate
        while certificate is not None and context is not None:
            await self.clock.sleep(_RENEW_EVERY_S)
            if await asyncio.to_thread(certificate.refresh):
                await asyncio.to_thread(certificate.load, context)
