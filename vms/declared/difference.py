"""What a file asks for beside what there is: one line for each thing that is added, changed or removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from vms.declared.file import Declared, GrantWish, PersonWish, RuleWish
from vms.domain.camera import Camera, Site
from vms.domain.ids import new_id
from vms.domain.person import Person
from vms.domain.position import position_of
from vms.domain.rights import Grant, PersonRole
from vms.domain.rule import Rule
from vms.errors import SettingsError
from vms.settings import SiteSettings
from vms.store.catalogue import Catalogue
from web.sheet.plan import Desk, Fate, Plan, plan
from web.text import TextError, clean_name
from web.times import parse_time


@dataclass(frozen=True, slots=True)
class Difference:
    """What is to be done, in its order; `lines`: the same for people. People and Rules that are new have `rev` 1."""

    sites: tuple[Site, ...] = ()
    cameras: Plan = field(default_factory=Plan)
    removed_cameras: tuple[Camera, ...] = ()
    people: tuple[Person, ...] = ()
    rules: tuple[Rule, ...] = ()
    removed_rules: tuple[Rule, ...] = ()
    lines: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether all is as the file says."""
        return not self.lines and not self.refused


async def difference(declared: Declared, catalogue: Catalogue, desk: Desk, *, prune: bool) -> Difference:
    """SettingsError where the file names what neither is there nor in it. `desk`: whoever asks may do everything."""
    sites = await _sites(declared.sites or (), catalogue)
    known = {site.slug: site for site in [*await catalogue.sites.list(), *(after for _, after in sites)]}
    new_sites = tuple(after for before, after in sites if before is None)
    lines = [_line(before, after, "site", after.slug, _SITE) for before, after in sites]
    made, removed = Plan(counts=dict.fromkeys(Fate, 0)), []
    if declared.cameras is not None:
        made = await plan(declared.cameras, desk.with_sites(new_sites))
        lines += [
            _camera_line(one.before, one.camera, one.fields) for one in (*made.of(Fate.NEW), *made.of(Fate.CHANGED))
        ]
        if refused := _refused(made):  # what names these cameras would be refused for no fault of its own
            return Difference(lines=tuple(lines), refused=refused)
        named = {one.camera.id for one in made.judged if one.camera is not None}
        removed = [camera for camera in await catalogue.cameras.list() if prune and camera.id not in named]
    cameras = {camera.slug: camera for camera in await catalogue.cameras.list()}
    cameras |= {one.camera.slug: one.camera for one in made.judged if one.camera is not None}
    people = await _people(declared.people, catalogue, known, prune=prune)
    rules, old_rules = await _rules(declared.rules, catalogue, known, cameras, desk.clock.now_ns(), prune=prune)
    lines += [f"- camera {camera.slug}" for camera in removed]
    lines += [_line(before, after, "person", after.username, _PERSON) for before, after in people]
    lines += [_line(before, after, "rule", after.name, _RULE) for before, after in rules]
    lines += [f"- rule {rule.name}" for rule in old_rules]
    return Difference(
        tuple(after for _, after in sites), made, tuple(removed), tuple(after for _, after in people),
        tuple(after for _, after in rules), tuple(old_rules), tuple(lines),
    )  # fmt: skip


_SITE = ("name", "parent", "home_store", "copies", "position")
_PERSON = ("name", "language", "enabled", "grants")
_RULE = (
    "kinds", "enabled", "sites", "cameras", "schedule", "min_duration_s", "priority", "sound", "alarm_tile",
    "display_s", "cooldown_s",
)  # fmt: skip


def _line(before: Any, after: Any, noun: str, name: str, fields: Sequence[str]) -> str:
    if before is None:
        return f"+ {noun} {name}"
    changed = [field for field in fields if getattr(before, field) != getattr(after, field)]
    return f"~ {noun} {name}: {', '.join(changed)}"


def _camera_line(before: Camera | None, after: Camera | None, fields: Sequence[str]) -> str:
    slug = "" if after is None else after.slug
    return f"+ camera {slug}" if before is None else f"~ camera {slug}: {', '.join(fields)}"


def _refused(made: Plan) -> tuple[str, ...]:
    return tuple(f"line {fault.line}: {fault.message}" for one in made.of(Fate.REFUSED) for fault in one.faults)


async def _sites(wanted: Sequence[SiteSettings], catalogue: Catalogue) -> list[tuple[Site | None, Site]]:
    """Those that are new or change, those above first: a site stands in the file behind the one above it."""
    known = {site.slug: site for site in await catalogue.sites.list()}
    found: list[tuple[Site | None, Site]] = []
    for wish in wanted:
        before = known.get(wish.slug)
        after = _site(wish, before, known)
        known[wish.slug] = after
        if before is None or before != after:
            found.append((before, after if before is None else replace(after, rev=before.rev + 1)))
    return found


def _site(wish: SiteSettings, before: Site | None, known: Mapping[str, Site]) -> Site:
    given = wish.model_fields_set
    after = before or Site(new_id(), wish.slug, wish.name)
    try:
        fields: dict[str, Any] = {"name": clean_name(wish.name)}
    except TextError as error:
        raise SettingsError(f"the name of site {wish.slug} {error}", hint="Correct it under sites.") from None
    if "parent" in given:
        above = None if wish.parent is None else known.get(wish.parent)
        if wish.parent is not None and above is None:
            raise SettingsError(
                f"site {wish.slug} names the parent {wish.parent}, which is not there",
                hint="List the parent before it.",
            )
        fields["parent"] = None if above is None else above.id
        if above is not None and after.id in _above(above, known):
            raise SettingsError(f"site {wish.slug} would stand below itself", hint="Give it another parent.")
    fields |= {name: getattr(wish, name) for name in ("home_store", "copies") if name in given}
    if {"longitude", "latitude"} & given:
        fields["position"] = position_of(wish.longitude, wish.latitude)
    return replace(after, **fields)


def _above(site: Site, known: Mapping[str, Site]) -> set[str]:
    """Ids of a site and of all above it."""
    by_id = {one.id: one for one in known.values()}
    line: set[str] = set()
    at: Site | None = site
    while at is not None and at.id not in line:
        line.add(at.id)
        at = None if at.parent is None else by_id.get(at.parent)
    return line


async def _people(
    wanted: Sequence[PersonWish] | None, catalogue: Catalogue, sites: Mapping[str, Site], *, prune: bool
) -> list[tuple[Person | None, Person]]:
    """New ones have no password yet (vms/declared/make_so.py makes one). Pruning closes accounts, it deletes none."""
    if wanted is None:
        return []
    there = {person.username: person for person in await catalogue.people.list()}
    found: list[tuple[Person | None, Person]] = []
    for wish in wanted:
        before = there.pop(wish.username, None)
        after = before or Person(new_id(), wish.username, wish.username, "", must_change=True)
        fields: dict[str, Any] = {
            name: value for name in ("name", "language", "enabled") if (value := getattr(wish, name)) is not None
        }
        if wish.grants is not None:
            fields["grants"] = tuple(_grant(grant, wish.username, sites) for grant in wish.grants)
        after = replace(after, **fields)
        if before is None or after != before:
            found.append((before, after if before is None else replace(after, rev=before.rev + 1)))
    if prune:
        found += [(one, replace(one, enabled=False, rev=one.rev + 1)) for one in there.values() if one.enabled]
    after_all = {person.id: person for person in await catalogue.people.list()} | {one.id: one for _, one in found}
    if found and not any(one.enabled and Grant(PersonRole.ADMIN) in one.grants for one in after_all.values()):
        raise SettingsError("nobody would be admin of everything", hint="Leave one such account in the file.")
    return found


def _grant(wish: GrantWish, username: str, sites: Mapping[str, Site]) -> Grant:
    site = None if wish.site is None else sites.get(wish.site)
    if wish.site is not None and site is None:
        raise SettingsError(f"person {username} names the site {wish.site}, which is not there", hint="Correct it.")
    until_ns = None if wish.until is None else parse_time(wish.until, "until")
    return Grant(wish.role, None if site is None else site.id, until_ns)


async def _rules(
    wanted: Sequence[RuleWish] | None,
    catalogue: Catalogue,
    sites: Mapping[str, Site],
    cameras: Mapping[str, Camera],
    now_ns: int,
    *,
    prune: bool,
) -> tuple[list[tuple[Rule | None, Rule]], list[Rule]]:
    if wanted is None:
        return [], []
    there = {rule.name: rule for rule in await catalogue.rules.list()}
    found: list[tuple[Rule | None, Rule]] = []
    for wish in wanted:
        before = there.pop(wish.name, None)
        fields: dict[str, Any] = {
            name: value for name in wish.model_fields_set if (value := getattr(wish, name)) is not None
        }
        fields["kinds"] = tuple(str(kind) for kind in fields["kinds"]) if "kinds" in fields else ()
        if before is not None and not fields["kinds"]:
            del fields["kinds"]
        for noun, known in (("sites", sites), ("cameras", cameras)):
            if noun in fields:
                fields[noun] = tuple(_id_of(slug, noun, wish.name, known) for slug in fields[noun])
        if wish.schedule is not None:
            fields["schedule"] = wish.schedule.schedule()
        after = Rule(new_id(), since_ns=now_ns, **fields) if before is None else replace(before, **fields)
        if before is None or after != before:
            found.append((before, after if before is None else _again(before, after, now_ns)))
    return found, list(there.values()) if prune else []


def _again(before: Rule, after: Rule, now_ns: int) -> Rule:
    """A rule that looks for other events begins anew, as on the page (web/api/rules.py)."""
    since_ns = before.since_ns if after.looks_for() == before.looks_for() else now_ns
    return replace(after, since_ns=since_ns, rev=before.rev + 1)


def _id_of(slug: str, noun: str, rule: str, known: Mapping[str, Site] | Mapping[str, Camera]) -> str:
    one = known.get(slug)
    if one is None:
        raise SettingsError(f"rule {rule!r} names {slug} under {noun}, which is not there", hint="Correct it.")
    return one.id
