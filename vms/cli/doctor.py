"""`vms doctor`: each check a line, and what to do where it is not well. Exit code 1 where anything is bad."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer

from vms import logs, settings
from vms.cli.terminal import ConfigOption, DataOption, HttpOption, load
from vms.doctor.checks import Check, Level, exit_code

_MARKS = {Level.OK: "ok  ", Level.WARN: "warn", Level.BAD: "BAD "}


def doctor(
    config: ConfigOption = None,
    data: DataOption = None,
    http: HttpOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON list.")] = False,
    nats_monitor: Annotated[
        str | None, typer.Option("--nats-monitor", help="URL of NATS' monitoring port; default port 8222 of its host.")
    ] = None,
) -> None:
    """Look at clock, disks, rights, ports, servers and line; say what to do. Exit code 1: something is bad."""
    chosen = load(config, data, http)
    logs.configure("ERROR")
    found = asyncio.run(look(chosen, nats_monitor))
    if as_json:
        print(json.dumps([asdict(check) for check in found], indent=2))
    else:
        for check in found:
            print(logs.redact(f"{_MARKS[check.level]}  {check.name:<28} {check.what}"))
            if check.do:
                print(f"      {'':<28} → {check.do}")
        counts = [sum(check.level is level for check in found) for level in Level]
        print("{} ok, {} to be looked at, {} bad".format(*counts))
    raise typer.Exit(exit_code(found))


async def look(chosen: settings.Settings, monitor: str | None = None) -> list[Check]:
    """All checks: of this machine, then of its servers."""
    from vms.doctor.machine import machine
    from vms.doctor.servers import servers

    of_machine, of_servers = await asyncio.gather(asyncio.to_thread(machine, chosen), servers(chosen, monitor))
    return [*of_machine, *of_servers]
