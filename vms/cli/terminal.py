"""What commands share: their options, the settings they load, the catalogue they open, tables they print."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

import config as shipped_config
from vms import datadir, logs, settings
from vms.clock import SystemClock
from vms.errors import SettingsError
from vms.store import Catalogue

ConfigOption = Annotated[Path | None, typer.Option("--config", help="Settings file; default config/vms.yaml.")]
DataOption = Annotated[Path | None, typer.Option("--data", help="Data folder (VMS_DATA).")]
HttpOption = Annotated[str | None, typer.Option("--http", help="HOST:PORT of the page (VMS_HTTP).")]
PasswordOption = Annotated[
    str | None, typer.Option("--password", envvar="VMS_PASSWORD", help="Asked for when not given.")
]
HERE = "command line"  # who did it, in the audit log


def load(config: Path | None, data: Path | None = None, http: str | None = None) -> settings.Settings:
    """Settings of the command line, the environment and the file, in that order."""
    here = Path("config/vms.yaml")
    shipped = Path(next(iter(shipped_config.__path__))) / "vms.yaml"
    path = config or (here if here.exists() else shipped)
    return settings.load(path, data=data, http=http)


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """As wide as it must be where no terminal bounds it; names are text, whatever brackets they hold."""
    table = Table(*head, box=None)
    for row in rows:
        table.add_row(*map(Text, row))
    width = (
        None if sys.stdout.isatty() else 20 + sum(max(map(len, column)) * 2 for column in zip(head, *rows, strict=True))
    )
    Console(width=width).print(table)


def asked(given: str | None, *, confirm: bool = False) -> str:
    """A password: the given one, or typed on the terminal."""
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise SettingsError("no password given", hint="Set VMS_PASSWORD or run it on a terminal.")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=confirm))


def with_catalogue(chosen: settings.Settings, work: Callable[[Catalogue], Awaitable[None]]) -> None:
    """Do some work on the catalogue of the settings."""
    from vms.ground import open_catalogue

    async def run() -> None:
        key = datadir.known_key(chosen.data, chosen.key_file)
        # What is done here belongs into this node's audit log, whose head it signs.
        node = datadir.known_node(chosen.data) if (chosen.data / "node.json").exists() else "local"
        catalogue = await open_catalogue(chosen, key, node, SystemClock())
        try:
            await work(catalogue)
        finally:
            await catalogue.close()

    logs.configure("WARNING")
    asyncio.run(run())


class Progress:
    """One line on a terminal, rewritten; nothing elsewhere."""

    def __init__(self) -> None:
        self._said = 0.0
        self._shown = False

    def say(self, text: str) -> None:
        """At most five times a second."""
        if sys.stderr.isatty() and time.monotonic() - self._said > 0.2:
            self._said, self._shown = time.monotonic(), True
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Take the line away."""
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
