"""What carrying out a Sheet would do: the fate of each row against the catalogue as it is and what the person may.

Changes nothing and connects to nothing: host names are looked up by who connects. On the event loop, which it lets go
after every few rows.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from vms.clock import Clock
from vms.domain.camera import Camera, Site
from vms.domain.camera_url import AddressPolicy
from vms.domain.rights import Right
from vms.errors import InputError
from vms.store.catalogue import Catalogue
from web.security.authority import Eyes
from web.sheet.columns import field_column, meanings
from web.sheet.form import changed_by, made_by
from web.sheet.places import Places
from web.sheet.rows import Fault, Row
from web.text import TextError

_BREATH_ROWS = 20


class Fate(StrEnum):
    """What becomes of a row."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Judged:
    """A row with its fate. `camera`: as it will be; `before`: as it is; `fields`: what changes of it."""

    row: Row
    fate: Fate
    faults: tuple[Fault, ...] = ()
    camera: Camera | None = None
    before: Camera | None = None
    fields: tuple[str, ...] = ()
    site: Site | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All rows with their fates, and the Sites that are made for them, those above first."""

    judged: tuple[Judged, ...] = ()
    sites: tuple[Site, ...] = ()
    counts: Mapping[Fate, int] = field(default_factory=dict)

    def of(self, fate: Fate) -> list[Judged]:
        """The rows of a fate."""
        return [one for one in self.judged if one.fate is fate]

    @property
    def changes(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.sites or self.counts[Fate.NEW] or self.counts[Fate.CHANGED])


@dataclass(frozen=True)
class Desk:
    """What judging takes: who asks, what there is, where cameras may be. `make_sites`: a Site that is named and is not
    there is made; `unreported`: Sites that are about to be made by somebody else (vms/declared/)."""

    catalogue: Catalogue
    eyes: Eyes
    policy: AddressPolicy
    clock: Clock
    make_sites: bool = False
    unreported: tuple[Site, ...] = ()

    def with_sites(self, sites: tuple[Site, ...]) -> Desk:
        """As if these were there already, for who may do everything."""
        known = dict.fromkeys((site.id for site in sites), None)
        return replace(self, unreported=sites, eyes=replace(self.eyes, tree=self.eyes.tree.further(known)))


class _RefusedError(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


async def plan(rows: Sequence[Row], desk: Desk) -> Plan:
    """Judge them all, in their order: what a row registers the rows after it find there."""
    cameras = await desk.catalogue.cameras.list()
    sites = [*await desk.catalogue.sites.list(), *desk.unreported]
    seen = desk.eyes.sites(sites, cameras) | {site.id for site in desk.unreported}
    judge = _Judge(desk, cameras, Places(sites, seen, desk.eyes, make=desk.make_sites))
    judged: list[Judged] = []
    for number, row in enumerate(rows):
        if number % _BREATH_ROWS == 0:
            await asyncio.sleep(0)
        judged.append(await judge.row(row))
    counts = Counter(one.fate for one in judged)
    used = {one.camera.site for one in judged if one.camera is not None and one.fate is not Fate.REFUSED}
    return Plan(tuple(judged), judge.places.made_for(used), {fate: counts[fate] for fate in Fate})


class _Judge:
    """Knows what the catalogue has, and what the rows so far have added to it."""

    def __init__(self, desk: Desk, cameras: Sequence[Camera], places: Places) -> None:
        self._desk, self.places = desk, places
        self._by_slug = {camera.slug: camera for camera in cameras}
        self._by_name: dict[tuple[str, str], list[Camera]] = {}
        for camera in cameras:
            self._by_name.setdefault(_name_key(camera.site, camera.name), []).append(camera)
        self._addresses = {stream.url: camera for camera in cameras for stream in camera.streams[:1]}
        self._lines: dict[str, int] = {}
        self._taken = set(self._by_slug)

    async def row(self, row: Row) -> Judged:
        """Its fate."""
        if row.faults:
            return Judged(row, Fate.REFUSED, row.faults)
        said, faults = meanings(row)
        if faults:
            return Judged(row, Fate.REFUSED, tuple(faults))
        try:
            return await self._judge(row, said)
        except _RefusedError as error:
            return Judged(row, Fate.REFUSED, (error.fault,))
        except ValidationError as error:
            return Judged(row, Fate.REFUSED, tuple(_faults_of(row, error)))
        except InputError as error:
            column = field_column(error.field.split("."), "sub" in row.cells and bool(row.text("sub")))
            fault = row.fault(column, error.message, reason=error.reason or "value", params=error.params)
            return Judged(row, Fate.REFUSED, (fault,))

    async def _judge(self, row: Row, said: dict[str, Any]) -> Judged:
        site = self._site(row)
        before = self._found(row, site)
        place = site or (None if before is None else self.places.get(before.site))
        if place is None:
            raise _RefusedError(row.fault("site", "site is not given", reason="sheet_no_site"))
        self._check_rights(row, place, before)
        if before is None:
            after = await made_by(row, said, place, self._taken, self._desk.policy, self._desk.clock.now_ns())
            fields: list[str] = ["all"]
        else:
            after, fields = await changed_by(row, said, before, place, self._desk.policy)
        self._check_alone(row, before, after)
        self._note(row, before, after)
        fate = Fate.NEW if before is None else Fate.CHANGED if fields else Fate.UNCHANGED
        return Judged(row, fate, (), after, before, tuple(fields), place)

    def _site(self, row: Row) -> Site | None:
        text = row.text("site")
        if not text:
            return None
        found = self.places.find(text, row.text("parent"))
        if isinstance(found, Site):
            return found
        raise _RefusedError(row.fault(found.column, found.message, reason=found.reason))

    def _found(self, row: Row, site: Site | None) -> Camera | None:
        """The camera that the row is about; None: it is new."""
        slug, name = row.text("slug"), row.text("name")
        if slug:
            camera = self._by_slug.get(slug)
            if camera is not None and not self._desk.eyes.sees(camera):
                raise _RefusedError(row.fault("slug", "the short name is taken", reason="slug_taken"))
        else:
            same = [] if site is None else self._by_name.get(_name_key(site.id, name), [])
            if len(same) > 1:
                words = "several cameras of the site have this name: give the slug"
                raise _RefusedError(row.fault("name", words, reason="sheet_name_many"))
            camera = same[0] if same else None
        if camera is not None and camera.id in self._lines:
            line = str(self._lines[camera.id])
            words = f"line {line} is about the same camera"
            raise _RefusedError(
                row.fault("slug" if slug else "name", words, reason="sheet_twice", params={"line": line})
            )
        return camera

    def _check_rights(self, row: Row, place: Site, before: Camera | None) -> None:
        eyes = self._desk.eyes
        may = self.places.is_ours(place) and (before is None or eyes.camera(Right.ADMIN, before))
        if not may:
            raise _RefusedError(row.fault("site", "you have no right for this", reason="no_right"))

    def _check_alone(self, row: Row, before: Camera | None, after: Camera) -> None:
        """Nearly always a slip of the hand: the address of another camera."""
        url = after.streams[0].url
        other = self._addresses.get(url)
        if other is None or other.id == after.id or (before is not None and before.streams[0].url == url):
            return
        line = self._lines.get(other.id)
        if line is not None:
            words, params = f"line {line} has the same address", {"line": str(line)}
            raise _RefusedError(row.fault("main", words, reason="sheet_address_line", params=params))
        shown = other.slug if self._desk.eyes.sees(other) else "?"
        words = f"the camera {shown} has the same address"
        raise _RefusedError(row.fault("main", words, reason="sheet_address_camera", params={"camera": shown}))

    def _note(self, row: Row, before: Camera | None, after: Camera) -> None:
        if before is not None:
            self._by_slug.pop(before.slug, None)
            self._taken.discard(before.slug)
            self._by_name[_name_key(before.site, before.name)].remove(before)
            if self._addresses.get(before.streams[0].url) is before:
                del self._addresses[before.streams[0].url]
        self._by_slug[after.slug] = after
        self._taken.add(after.slug)
        self._by_name.setdefault(_name_key(after.site, after.name), []).append(after)
        self._addresses[after.streams[0].url] = after
        self._lines[after.id] = row.line


def _name_key(site: str, name: str) -> tuple[str, str]:
    return site, " ".join(name.split()).casefold()


def _faults_of(row: Row, error: ValidationError) -> list[Fault]:
    has_both = bool(row.text("sub"))
    found: list[Fault] = []
    for item in error.errors(include_input=False, include_url=False)[:5]:
        column = field_column(item["loc"], has_both)
        cause = (item.get("ctx") or {}).get("error")
        words = str(item["msg"]).removeprefix("Value error, ")
        reason, params = ("value", {}) if not isinstance(cause, TextError) else (cause.reason, cause.params)
        found.append(row.fault(column, f"{column} {words}".strip(), reason=reason, params=params))
    return found
