"""Making the system as a file says: Sites, cameras in one transaction, people, rules; each into the audit log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from vms.declared.difference import Difference
from vms.store.catalogue import Catalogue
from web.security.passwords import generated_password
from web.sheet.carry_out import carry_out, write_down


async def make_so(
    found: Difference, catalogue: Catalogue, person: str, now_ns: int, hash_password: Callable[[str], str]
) -> dict[str, str]:
    """Gives the passwords of new people, by user name: shown once, changed at the first sign-in. ConflictError where
    somebody changed one of these things meanwhile: what came before it is done, a second run does the rest."""
    for site in found.sites:
        await catalogue.sites.put(site)
        await catalogue.audit.add(person, "site.change" if site.rev > 1 else "site.add", site.id, {"slug": site.slug})
    if found.cameras.changes:
        done = await carry_out(found.cameras, catalogue)
        await write_down(catalogue, person, "camera.import", done.cameras)
    if found.removed_cameras:
        await catalogue.cameras.put_all([], [], [camera.id for camera in found.removed_cameras], now_ns)
        await write_down(catalogue, person, "camera.remove", found.removed_cameras)
    passwords = await _people(found, catalogue, person, hash_password)
    for rule in found.rules:
        await (catalogue.rules.update(rule) if rule.rev > 1 else catalogue.rules.add(rule))
        await catalogue.audit.add(person, "rule.change" if rule.rev > 1 else "rule.add", rule.id, {"name": rule.name})
    for rule in found.removed_rules:
        await catalogue.rules.remove(rule.id)
        await catalogue.audit.add(person, "rule.remove", rule.id, {"name": rule.name})
    return passwords


async def _people(
    found: Difference, catalogue: Catalogue, person: str, hash_password: Callable[[str], str]
) -> dict[str, str]:
    passwords: dict[str, str] = {}
    for one in found.people:
        if not one.password_hash:
            passwords[one.username] = generated_password()
            await catalogue.people.put(replace(one, password_hash=hash_password(passwords[one.username])))
            await catalogue.audit.add(person, "person.add", one.id, {"username": one.username})
            continue
        await catalogue.people.put(one)
        if not one.enabled:
            await catalogue.sessions.delete_of(one.id)
        await catalogue.audit.add(person, "person.change", one.id, {"username": one.username})
    return passwords
