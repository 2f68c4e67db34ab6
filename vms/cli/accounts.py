"""`vms user`: list accounts, open one, set a password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from vms import registration
from vms.cli.terminal import HERE, ConfigOption, DataOption, PasswordOption, asked, load, print_table, with_catalogue
from vms.domain.ids import new_id
from vms.domain.person import Person
from vms.domain.rights import Grant, PersonRole
from vms.errors import SettingsError
from vms.store import Catalogue
from web.text import TextError, clean_name, clean_username

user_app = typer.Typer(no_args_is_help=True, help="People who sign in.")


@user_app.command("list")
def user_list(config: ConfigOption = None, data: DataOption = None) -> None:
    """Accounts."""

    async def work(catalogue: Catalogue) -> None:
        people = await catalogue.people.list()
        slugs = {site.id: site.slug for site in await catalogue.sites.list()}
        rows = [(p.username, p.name, "yes" if p.enabled else "no", _roles(p, slugs)) for p in people]
        print_table(("user", "name", "enabled", "roles"), rows)

    with_catalogue(load(config, data), work)


def _roles(person: Person, slugs: Mapping[str, str]) -> str:
    return ", ".join(f"{g.role} at {slugs.get(g.site, g.site) if g.site else 'everything'}" for g in person.grants)


@user_app.command("add")
def user_add(
    username: Annotated[str, typer.Argument(help="What they type to sign in.")],
    role: Annotated[PersonRole, typer.Option(help="What they may do.")],
    site: Annotated[str | None, typer.Option(help="Short name of the site where; left out: everything.")] = None,
    name: Annotated[str | None, typer.Option(help="Name for people; left out: the user name.")] = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Open an account; its password is made, printed once, and changed at the first sign-in."""
    from vms.app import hash_password
    from web.security.passwords import generated_password

    async def work(catalogue: Catalogue) -> None:
        password = generated_password()
        place = None if site is None else await catalogue.sites.by_slug(site)
        if site is not None and place is None:
            raise SettingsError(f"there is no site {site!r}", hint="Name one by its short name, such as sampit.")
        if await catalogue.people.by_username(username) is not None:
            raise SettingsError(f"the user name {username!r} is taken", hint="See vms user list.")
        try:
            shown = clean_name(username if name is None else name)
            typed = clean_username(username)
        except TextError as error:
            raise SettingsError(f"the name {error}", hint="Choose another.") from None
        grant = Grant(role, None if place is None else place.id)
        person = Person(new_id(), typed, shown, hash_password(password), must_change=True, grants=(grant,))
        await catalogue.people.put(person)
        await catalogue.audit.add(HERE, "person.add", person.id, {"username": typed, "role": role.value})
        print(f"{typed} may sign in with the password {password}, and changes it then")

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
