"""What routes ask for: the parts of the service, who asks, and the camera an address names."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from vms.domain.camera import Camera
from vms.domain.ids import is_id
from vms.errors import NotFoundError, UnauthenticatedError
from web.parts import Parts
from web.security.authority import Eyes
from web.security.display_keys import DisplayPrincipal
from web.security.sessions import Principal


def parts_of(connection: HTTPConnection) -> Parts:
    """The parts of the running service."""
    return cast("Parts", connection.app.state.parts)


def principal_of(connection: HTTPConnection) -> Principal:
    """Who the gate let in."""
    principal = connection.state.principal
    if not isinstance(principal, Principal):
        raise UnauthenticatedError("Nobody is signed in.", hint="Sign in first.", reason="nobody")
    return principal


def display_of(connection: HTTPConnection) -> DisplayPrincipal:
    """The display that the gate let in, by the key of its screen."""
    principal = connection.state.principal
    if not isinstance(principal, DisplayPrincipal):
        raise UnauthenticatedError("This browser is no screen.", hint="Pair it first.", reason="no_display")
    return principal


def eyes_of(connection: HTTPConnection) -> Eyes:
    """What whoever calls may see and do, as `authorize` found it."""
    return cast("Eyes", connection.state.eyes)


def address_of(connection: HTTPConnection) -> str:
    """Where the request comes from, as the gate saw it."""
    return str(connection.state.address)


async def camera_of(camera_id: str, connection: HTTPConnection) -> Camera:
    """The camera named in the address. NotFoundError: there is none, or it was removed."""
    camera = await parts_of(connection).catalogue.cameras.get(camera_id) if is_id(camera_id) else None
    if camera is None or camera.deleted_ns is not None:
        raise NotFoundError("There is no such camera.", hint="It may have been removed.", reason="camera_gone")
    return camera


PartsOf = Annotated[Parts, Depends(parts_of)]
Who = Annotated[Principal, Depends(principal_of)]
Screen = Annotated[DisplayPrincipal, Depends(display_of)]
EyesOf = Annotated[Eyes, Depends(eyes_of)]
Address = Annotated[str, Depends(address_of)]
OneCamera = Annotated[Camera, Depends(camera_of)]
