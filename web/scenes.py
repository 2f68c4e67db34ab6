"""What a Showing comes to: layouts and cameras as they are now, and which cameras a display may watch for it.

Views and tours are read as they are needed and once for each Scenes: it lives as long as one answer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from vms.domain.camera import Camera
from vms.domain.display import Kind, Showing
from vms.domain.layout import STANDARD, Layout
from vms.domain.tour import Page, Tour
from vms.domain.view import View
from vms.store.catalogue import Catalogue
from web.roster import Roster
from web.schemas_displays import SceneAlarmOut, SceneOut
from web.schemas_tours import PageOut
from web.times import format_time


def page_out(page: Page) -> PageOut:
    """A page of a tour."""
    return PageOut(
        name=page.name,
        view=page.view,
        layout=page.layout.as_json(),
        cameras=list(page.cameras),
        dwell_s=page.dwell_s,
    )


def cameras_of(scene: SceneOut) -> set[str]:
    """Ids of every camera that is on it at some time."""
    pages = [each for page in scene.pages for each in page.cameras]
    return {camera for camera in (*scene.cameras, *pages) if camera is not None}


def veiled(scene: SceneOut, hidden: Collection[str]) -> SceneOut:
    """Without these cameras: their tiles are empty, and one that is shown alone has no name."""
    if not hidden:
        return scene

    def left(cameras: Sequence[str | None]) -> list[str | None]:
        return [None if camera in hidden else camera for camera in cameras]

    pages = [page.model_copy(update={"cameras": left(page.cameras)}) for page in scene.pages]
    name = "" if scene.kind is Kind.CAMERA and scene.subject in hidden else scene.name
    return scene.model_copy(update={"name": name, "cameras": left(scene.cameras), "pages": pages})


class Scenes:
    """Reads a catalogue, and of the roster what all of them need."""

    def __init__(self, catalogue: Catalogue, roster: Roster) -> None:
        self._catalogue, self._roster = catalogue, roster
        self._views: dict[str, View | None] = {}
        self._tours: dict[str, Tour | None] = {}

    async def cameras(self) -> Mapping[str, Camera]:
        """Those that are registered."""
        return await self._roster.cameras()

    async def _view(self, view_id: str) -> View | None:
        """One alone: there may be thousands, of everybody, and each screen looks every few seconds."""
        if view_id not in self._views:
            self._views[view_id] = await self._catalogue.views.get(view_id)
        return self._views[view_id]

    async def _tour(self, tour_id: str) -> Tour | None:
        if tour_id not in self._tours:
            self._tours[tour_id] = await self._catalogue.tours.get(tour_id)
        return self._tours[tour_id]

    async def _pages(self, tour: Tour) -> list[PageOut]:
        found = [await self._view(view_id) for view_id in {step.view for step in tour.steps if step.view is not None}]
        return [page_out(page) for page in tour.pages({view.id: view for view in found if view is not None})]

    async def _person(self, person: str) -> str:
        found = (await self._roster.people()).get(person)
        return "" if found is None else found.name

    async def of(self, showing: Showing) -> SceneOut:
        """Resolved; `gone` where its view, tour or camera is no more, or was taken back from who pushed it."""
        name, layout, cameras, pages, gone = "", showing.layout, showing.cameras, list[PageOut](), False
        subject = showing.subject or ""
        if showing.kind is Kind.VIEW:
            view = await self._view(subject)
            gone = view is None or not view.is_seen_by(showing.by)
            if view is not None and not gone:
                name, layout, cameras = view.name, view.layout, view.cameras
        elif showing.kind is Kind.CAMERA:
            camera = (await self.cameras()).get(subject)
            gone = camera is None
            if camera is not None:
                name, layout, cameras = camera.name, STANDARD["1"], (camera.id,)
        elif showing.kind is Kind.TOUR:
            tour = await self._tour(subject)
            gone = tour is None or not tour.is_seen_by(showing.by)
            if tour is not None and not gone:
                name, pages = tour.name, await self._pages(tour)
        scene = _scene(showing, await self._person(showing.by), name, layout, cameras, pages, gone=gone)
        return scene.model_copy(update={"alarm": await self._alarm(showing.alarm)})

    async def _alarm(self, alarm_id: str | None) -> SceneAlarmOut | None:
        alarm = None if alarm_id is None else await self._catalogue.alarms.get(alarm_id)
        if alarm is None:
            return None
        return SceneAlarmOut(id=alarm.id, kind=alarm.kind, priority=alarm.priority, rule=alarm.rule_name)


def _scene(
    showing: Showing,
    by_name: str,
    name: str,
    layout: Layout | None,
    cameras: Sequence[str | None],
    pages: list[PageOut],
    *,
    gone: bool,
) -> SceneOut:
    return SceneOut(
        kind=showing.kind,
        subject=showing.subject,
        name=name,
        gone=gone,
        layout=None if layout is None else layout.as_json(),
        cameras=list(cameras),
        pages=pages,
        text=showing.text,
        colour=showing.colour,
        until=None if showing.until_ns is None else format_time(showing.until_ns),
        since=format_time(showing.since_ns) if showing.since_ns else None,
        by_name=by_name,
    )
