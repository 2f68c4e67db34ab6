"""`vms user`: list accounts, set a password."""

from __future__ import annotations

from typing import Annotated

import typer

from vms import registration
from vms.cli.terminal import HERE, ConfigOption, DataOption, PasswordOption, asked, load, print_table, with_catalogue
from vms.errors import SettingsError
from vms.store import Catalogue

user_app = typer.Typer(no_args_is_help=True, help="People who sign in.")


@user_app.command("list")
def user_list(config: ConfigOption = None, data: DataOption = None) -> None:
    """Accounts."""

    async def work(catalogue: Catalogue) -> None:
        people = await catalogue.people.list()
        print_table(("user", "name", "enabled"), [(p.username, p.name, "yes" if p.enabled else "no") for p in people])

    with_catalogue(load(config, data), work)


@user_app.command("password")
def user_password(
    username: Annotated[str, typer.Argument()],
    password: PasswordOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Set a password and end the sessions of that account."""
    from vms.app import hash_password

    secret = asked(password, confirm=True)

    async def work(catalogue: Catalogue) -> None:
        if not await registration.set_password(catalogue, username, secret, hash_password, must_change=False):
            raise SettingsError(f"there is no account {username!r}", hint="See vms user list.")
        await catalogue.audit.add(HERE, "person.password", username)
        print(f"password of {username} changed; its sessions have ended")

    with_catalogue(load(config, data), work)
