"""What each route asks of who calls it, by operation id (WebSockets by the name of their function). A route that is not
here is refused to everybody, and a test says which one is missing.

`authorize` runs before every route and leaves the caller's Eyes for those whose answer depends on them: lists leave out
what is not seen, and who names things in a body is asked about each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import cast

from starlette.requests import HTTPConnection

from vms.domain.ids import is_id
from vms.domain.rights import Right
from vms.errors import ForbiddenError, NotFoundError, UnauthenticatedError
from web.parts import Parts
from web.security.authority import Eyes, no_camera, no_right
from web.security.display_keys import DisplayPrincipal
from web.security.sessions import Principal


class On(Enum):
    """Whom, or on what, a rule asks."""

    PUBLIC = "public"
    SIGNED_IN = "signed in"
    SCREEN = "screen"
    GATE = "gate"
    SOMEWHERE = "somewhere"
    EVERYWHERE = "everywhere"
    CAMERA = "camera"
    SITE = "site"


@dataclass(frozen=True, slots=True)
class RouteRule:
    """`right` on the camera or site of the address, somewhere or everywhere; None on a camera: to know of it. `GATE`:
    whom the gate lets in without a name (this machine itself) may; a person needs the right everywhere."""

    on: On
    right: Right | None = None


_PUBLIC, _SIGNED_IN, _SCREEN = RouteRule(On.PUBLIC), RouteRule(On.SIGNED_IN), RouteRule(On.SCREEN)
_OPERATES, _ADMIN_OF_SOME = RouteRule(On.SOMEWHERE, Right.OPERATE), RouteRule(On.SOMEWHERE, Right.ADMIN)
_ADMIN, _EXPORTS = RouteRule(On.EVERYWHERE, Right.ADMIN), RouteRule(On.SOMEWHERE, Right.EXPORT)
_INVESTIGATES = RouteRule(On.SOMEWHERE, Right.INVESTIGATE)


def _camera(right: Right | None) -> RouteRule:
    return RouteRule(On.CAMERA, right)


RULES: Mapping[str, RouteRule] = {
    # pages, sign-in, state of the service
    **dict.fromkeys(("get_page", "isAlive", "knock", "isReady", "signIn", "getSession"), _PUBLIC),
    **dict.fromkeys(("signOut", "changePassword", "getOpenapi", "tell_news"), _SIGNED_IN),
    "getMetrics": RouteRule(On.GATE, Right.ADMIN),
    # sites and cameras; lists hold what is seen
    **dict.fromkeys(("listSites", "listCameras"), _SIGNED_IN),
    **dict.fromkeys(("getMap", "getMapTile"), _SIGNED_IN),
    "changeSite": RouteRule(On.SITE, Right.ADMIN),
    **dict.fromkeys(("getSiteCoverage", "getSiteCoverageCsv", "getSiteHours"), RouteRule(On.SITE, Right.REPLAY)),
    **dict.fromkeys(("addCamera", "probeCamera", "tryOnvif"), _ADMIN_OF_SOME),
    **dict.fromkeys(("importCameras", "undoImport", "exportCameras"), _ADMIN_OF_SOME),
    **dict.fromkeys(("addDiscovery", "describeDevice", "getDiscovery", "cancelDiscovery"), _ADMIN_OF_SOME),
    "getCamera": _camera(None),
    **dict.fromkeys(("changeCamera", "removeCamera"), _camera(Right.ADMIN)),
    # live
    "openWall": RouteRule(On.SOMEWHERE, Right.LIVE),
    **dict.fromkeys(("closeWall", "control_wall", "patchWhep", "closeWhep"), _SIGNED_IN),
    **dict.fromkeys(("openWhep", "getSnapshot", "getPtz"), _camera(Right.LIVE)),
    "listSteered": _SIGNED_IN,
    **dict.fromkeys(
        ("movePtz", "stopPtz", "releasePtz", "gotoPreset", "addPreset", "changePreset", "removePreset", "setPatrol"),
        _camera(Right.PTZ),
    ),
    # footage
    **dict.fromkeys(
        ("getCoverage", "getPlaylist", "getKeyFrames", "getSegment", "getThumbnail"), _camera(Right.REPLAY)
    ),
    "getTimeline": RouteRule(On.SOMEWHERE, Right.REPLAY),
    "getPicture": _camera(Right.REPLAY),
    **dict.fromkeys(("searchMoments", "searchMotion"), RouteRule(On.SOMEWHERE, Right.REPLAY)),
    **dict.fromkeys(("addFill", "listFills", "cancelFill"), RouteRule(On.SOMEWHERE, Right.INVESTIGATE)),
    "downloadFootage": _camera(Right.EXPORT),
    **dict.fromkeys(
        ("addExport", "listExports", "getExport", "cancelExport", "downloadExport"),
        RouteRule(On.SOMEWHERE, Right.EXPORT),
    ),
    # one's own, and what is shared: web/api/{views,tours,bookmarks}.py ask for more where others see it
    **dict.fromkeys(("listViews", "addView", "getView", "changeView", "removeView"), _SIGNED_IN),
    **dict.fromkeys(("addFavouriteView", "removeFavouriteView"), _SIGNED_IN),
    **dict.fromkeys(("listTours", "addTour", "getTour", "changeTour", "removeTour"), _SIGNED_IN),
    **dict.fromkeys(("listBookmarks", "addBookmark", "getBookmark", "changeBookmark", "removeBookmark"), _SIGNED_IN),
    # cases: who is not among a case's people does not see it (web/casework.py)
    **dict.fromkeys(("listCases", "addCase", "getCase", "changeCase", "listCasePeople"), _INVESTIGATES),
    **dict.fromkeys(("listCaseNotes", "addCaseNote", "listCaseHolds", "addHolds"), _INVESTIGATES),
    **dict.fromkeys(("removeHold", "restoreHold"), _INVESTIGATES),
    "listHolds": RouteRule(On.SOMEWHERE, Right.REPLAY),
    # screens
    **dict.fromkeys(("listDisplays", "pairDisplay", "getDisplay", "changeDisplay", "removeDisplay"), _OPERATES),
    **dict.fromkeys(("showOnDisplay", "takeBackFromDisplay", "identifyDisplay"), _OPERATES),
    **dict.fromkeys(("listWalls", "addWall", "changeWall", "removeWall"), _OPERATES),
    **dict.fromkeys(("showOnWall", "takeBackFromWall", "identifyWall"), _OPERATES),
    **dict.fromkeys(("getDisplayHere", "startPairing"), _PUBLIC),
    **dict.fromkeys(("openDisplayWall", "closeDisplayWall", "getDisplaySnapshot"), _SCREEN),
    **dict.fromkeys(("control_display", "control_screen_wall"), _SCREEN),
    # people
    **dict.fromkeys(("listPeople", "addPerson", "getPerson", "changePerson", "resetPassword"), _ADMIN),
    **dict.fromkeys(("listSessions", "endSessions", "endSession"), _ADMIN),
    # events, alarms, rules
    **dict.fromkeys(
        ("listEvents", "listAlarms", "getAlarmsCsv", "getAlarm", "raiseAlarm", "acknowledgeAlarm", "acknowledgeAlarms"),
        _SIGNED_IN,
    ),
    **dict.fromkeys(("listRules", "getRule"), _OPERATES),
    **dict.fromkeys(("addRule", "previewRule", "changeRule", "removeRule"), _ADMIN),
}


def rule_of(route: object) -> RouteRule | None:
    """The rule of a route of the application; None: nobody thought of it."""
    return RULES.get(str(getattr(route, "operation_id", None) or getattr(route, "name", "")))


async def authorize(connection: HTTPConnection) -> None:
    """Refuse who may not call this route: NoRightError, or NotFoundError of what they may not know of."""
    rule = rule_of(connection.scope.get("route"))
    parts = cast("Parts", connection.app.state.parts)
    who = connection.state.principal
    if rule is None:
        raise ForbiddenError("This address has no rule yet.", hint="Tell the makers of the system.", reason="no_rule")
    if rule.on is On.PUBLIC or (rule.on is On.GATE and who is None):
        return
    if rule.on is On.SCREEN:
        if not isinstance(who, DisplayPrincipal):
            raise UnauthenticatedError("This browser is no screen.", hint="Pair it first.", reason="no_display")
        return
    if not isinstance(who, Principal):
        raise UnauthenticatedError("Nobody is signed in.", hint="Sign in first.", reason="nobody")
    connection.state.eyes = eyes = await parts.authority.eyes(who.person.holding)
    try:
        await _check(rule, eyes, connection, parts)
    except ForbiddenError as error:
        method = connection.scope.get("method", "WEBSOCKET")
        if method in {"GET", "HEAD", "WEBSOCKET"}:  # changes that are refused are written down for all (web/problem.py)
            what = f"{method} {connection.scope['path']}"
            await parts.audit.refused(who.person.id, str(connection.state.address), what, error.code)
        raise


async def _check(rule: RouteRule, eyes: Eyes, connection: HTTPConnection, parts: Parts) -> None:
    if rule.on is On.CAMERA:
        await _check_camera(rule.right, eyes, str(connection.path_params.get("camera_id", "")), parts)
    elif rule.on is On.SITE:
        await _check_site(rule.right, eyes, str(connection.path_params.get("site_id", "")), parts)
    elif rule.on is On.SOMEWHERE and rule.right is not None:
        eyes.need_somewhere(rule.right)
    elif rule.on in {On.EVERYWHERE, On.GATE} and rule.right is not None:
        eyes.need(rule.right, None)


async def _check_camera(right: Right | None, eyes: Eyes, camera_id: str, parts: Parts) -> None:
    """Of removed ones too: their footage stays. Who sees it not is told what is told of one that is not there."""
    camera = await parts.catalogue.cameras.get(camera_id) if is_id(camera_id) else None
    if camera is None or not eyes.sees(camera):
        raise no_camera()
    if right is not None:
        eyes.need_camera(right, camera)


async def _check_site(right: Right | None, eyes: Eyes, site_id: str, parts: Parts) -> None:
    sites = await parts.catalogue.sites.list()
    if site_id not in eyes.sites(sites, await parts.catalogue.cameras.list()):
        raise NotFoundError("There is no such site.", hint="It may have been removed.", reason="site_gone")
    if right is not None and not eyes.at(right, site_id):
        raise no_right(right)
