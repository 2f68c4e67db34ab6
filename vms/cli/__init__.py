"""The `vms` command. Errors are one line with a way out; exit codes: 0 done, 1 failed, 2 wrong usage or settings.

Each command opens what it needs itself; nothing here holds logic that a test would want without a terminal.
"""

from __future__ import annotations

import os
import sys

import typer

from vms import __version__, logs
from vms.cli import apply, discover, doctor, evidence, export, migrate, serve, sheets
from vms.cli.accounts import user_app
from vms.cli.audit import audit_app
from vms.cli.camera import camera_app
from vms.cli.database import db_app, key_app
from vms.cli.index import index_app
from vms.cli.keys import keys_app
from vms.cli.store import store_app
from vms.errors import InputError, SettingsError, VmsError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Video management. Exit codes: 0 done, 1 failed, 2 wrong usage or settings; vms verify and audit have theirs.",
)
app.command()(serve.up)
app.command()(serve.node)
app.command("demo")(serve.run_demo)
app.command()(doctor.doctor)
app.command()(migrate.migrate)
app.command()(apply.apply)
app.command()(export.export)
app.command()(evidence.verify)
sheets.register(camera_app)
camera_app.command("discover")(discover.camera_discover)
app.add_typer(camera_app, name="camera")
app.add_typer(user_app, name="user")
app.add_typer(db_app, name="db")
app.add_typer(key_app, name="key")
app.add_typer(keys_app, name="keys")
app.add_typer(index_app, name="index")
app.add_typer(audit_app, name="audit")
app.add_typer(store_app, name="store")


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


def main() -> None:
    """Entry point: turns every known error into one line and an exit code."""
    os.umask(0o077)  # footage, catalogue and keys are nobody else's on this machine
    try:
        app()
    except VmsError as error:
        hint = f" {error.hint}" if error.hint else ""
        print(logs.redact(f"vms: {error.message}.{hint}"), file=sys.stderr)
        raise SystemExit(2 if isinstance(error, SettingsError | InputError) else 1) from None
