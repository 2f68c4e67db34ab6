"""`vms audit`: whether the log of who did what is as it was written.

Exit codes as `vms verify` has them: 0 as it was written, and signed under the given key, 1 changed, 2 wrong usage or
settings, 3 as it was written but no key was given to compare with, or nobody has signed yet, 4 signed by another key.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from vms import datadir, logs
from vms.cli.terminal import ConfigOption, DataOption, Progress, load
from vms.clock import SystemClock

if TYPE_CHECKING:
    from recorder.audit_check import AuditFound, ChainFound

audit_app = typer.Typer(no_args_is_help=True, help="The log of who did what.")
_SHOWN = 20


@audit_app.callback()
def _group() -> None:
    """The log of who did what."""


@audit_app.command("verify")
def verify(
    key: Annotated[str, typer.Option("--key", help="Fingerprint on the printed key sheet; blanks do not matter.")] = "",
    deep: Annotated[bool, typer.Option("--all", help="Read every Checkpoint, not one a day.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Prove the audit log of every node against the Checkpoints that it signed; says what was changed first.

    Exit codes: 0 whole and signed under KEY, 1 changed, 2 wrong usage, 3 whole but compare the key, 4 another key."""
    from recorder.audit_check import check_audit
    from recorder.verify import Verdict
    from vms.ground import catalogue_url, open_stores
    from vms.store import Catalogue

    chosen, progress = load(config, data), Progress()
    stores, own = open_stores(chosen), datadir.known_node(chosen.data)

    async def work() -> AuditFound:
        secret = datadir.known_key(chosen.data, chosen.key_file)
        catalogue = await Catalogue.open(catalogue_url(chosen), key=secret, clock=SystemClock())
        try:
            waiting, now_ns = chosen.data / "checkpoints", SystemClock().now_ns()
            return await check_audit(
                catalogue, stores, own=own, now_ns=now_ns, folder=waiting, deep=deep, tell=progress.say
            )
        finally:
            await catalogue.close()

    logs.configure("WARNING")
    found = asyncio.run(work())
    progress.end()
    for chain in found.chains:
        _say(chain)
    for words in found.bad[:_SHOWN]:
        print(f"CHANGED {words}")
    verdict = found.verdict(key)
    if verdict is Verdict.CHANGED:
        print("NOT AS WRITTEN: the audit log, or what was signed of it, was changed")
    elif verdict is Verdict.OTHER_KEY:
        print("WRONG KEY: as it was written, but not all of it is signed under the key that was given")
    elif verdict is Verdict.INTACT:
        print("AS WRITTEN, and signed under the given key")
    elif any(chain.by is not None for chain in found.chains):
        print("as it was written; compare the fingerprints with the printed key sheet")
    else:
        print("as it was written as far as its hashes tell; no Checkpoint states any of it yet")
    raise typer.Exit(int(verdict))


def _say(chain: ChainFound) -> None:
    from recorder.package_pages import grouped
    from recorder.verify_notes import utc

    node = f"{chain.name} ({chain.node})" if chain.name else chain.node
    if chain.fault is not None:
        there = chain.at
        what = "" if there is None else f"; there is: {utc(there.at_ns)} {there.person} {there.action} {there.subject}"
        print(f"CHANGED node {node}: {chain.fault.words}{what}")
        return
    print(f"node {node}: {chain.count} entries, none changed, none missing")
    if chain.by is None:
        print("  no Checkpoint states any of them yet" if chain.count else "  none of them is here yet")
    else:
        whose = "the installation" if chain.by.installation else "a node that no installation certifies,"
        print(
            f"  entries 1 to {chain.vouched} are stated by a Checkpoint of {utc(chain.by.at_ns)}, signed by {whose} "
            f"{grouped(chain.by.installation or chain.by.signer)}"
        )
    if chain.count > chain.vouched and chain.by is not None:
        print(f"  {chain.count - chain.vouched} newer ones are in the next Checkpoint")
    if chain.waits is not None:
        print(f"  note: {chain.waits.words}: they have not come here from its site yet, or were removed")
