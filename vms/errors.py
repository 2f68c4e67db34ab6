"""The error tree. Every error a person can meet is one of these: one line that says what is wrong and a way out.

    VmsError
    ├── SettingsError          config/*.yaml or VMS_* is wrong
    ├── InputError             what a person or a client gave is wrong             HTTP 422
    │   ├── CameraUrlError     the URL of a camera is refused
    │   └── IntervalError      from/to is reversed, too long, not a time
    ├── UnauthenticatedError   nobody is signed in                                 401
    ├── ForbiddenError         the person may not                                  403
    ├── NotFoundError          there is no such thing, or it is not shown to them  404
    ├── ConflictError          it exists already, or has changed meanwhile         409
    ├── TooManyError           too many tries or too many at once                  429
    ├── CameraError            a camera gives nothing                              502
    │   ├── CameraUnreachableError · CameraAuthError · CameraStalledError · CameraUnsupportedError · CameraCorruptError
    ├── ObjectError            object storage
    │   ├── ObjectMissingError · ObjectChecksumError · ObjectUnavailableError
    ├── FootageError           a Segment is damaged, or a codec's headers are      422
    │   ├── FootageCutOffError · FootageVersionError
    ├── CatalogueError         SQL                                                 503
    └── BusError               503
        ├── NoResponderError · BusTimeoutError

`code` is stable and travels over the bus and in problem details; messages may change. So does `reason`, which says more
narrowly what is wrong, with `params`, so that a page can say it in another language (web/ui/messages, `reason_…`).
No secret is ever put into one.
"""

from __future__ import annotations

from collections.abc import Mapping


class VmsError(Exception):
    """Base of all errors of the project; `hint` is the way out, shown beside the message. `reason`: a stable name of
    message and hint together, empty where nobody at a page meets them; `params`: what is variable in them."""

    code = "error"
    status = 500

    def __init__(
        self, message: str, *, hint: str = "", reason: str = "", params: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.reason = reason
        self.params = dict(params or {})


class SettingsError(VmsError):
    """A setting is missing or wrong."""

    code = "settings"


class InputError(VmsError):
    """What was given cannot be used; nothing was changed."""

    code = "input"
    status = 422

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        field: str = "",
        reason: str = "",
        params: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, hint=hint, reason=reason, params=params)
        self.field = field


class CameraUrlError(InputError):
    """The URL of a camera is malformed or leads where cameras may not be."""

    code = "camera_url"


class IntervalError(InputError):
    """An interval of time cannot be used."""

    code = "interval"


class UnauthenticatedError(VmsError):
    """Nobody is signed in."""

    code = "unauthenticated"
    status = 401


class ForbiddenError(VmsError):
    """The person may not do this."""

    code = "forbidden"
    status = 403


class NotFoundError(VmsError):
    """There is no such thing, or it is not shown to this person."""

    code = "not_found"
    status = 404


class ConflictError(VmsError):
    """It exists already, or has changed since it was read."""

    code = "conflict"
    status = 409


class TooManyError(VmsError):
    """Too many tries, or too many at once."""

    code = "too_many"
    status = 429


class CameraError(VmsError):
    """A camera gives nothing that can be used. `code` is also the Gap cause where it becomes one."""

    code = "camera"
    status = 502


class CameraUnreachableError(CameraError):
    """No connection, or the connection ended."""

    code = "camera_unreachable"


class CameraAuthError(CameraError):
    """The camera refuses the user name or password."""

    code = "auth_failed"


class CameraStalledError(CameraError):
    """The camera is connected and silent."""

    code = "stream_stalled"


class CameraUnsupportedError(CameraError):
    """The camera sends something that is not supported."""

    code = "unsupported"


class CameraCorruptError(CameraError):
    """The camera sends what cannot be parsed."""

    code = "stream_corrupt"


class ObjectError(VmsError):
    """Object storage failed."""

    code = "object"
    status = 503


class ObjectMissingError(ObjectError):
    """There is no such object."""

    code = "object_missing"
    status = 404


class ObjectChecksumError(ObjectError):
    """The bytes are not those that were sent."""

    code = "object_checksum"


class ObjectUnavailableError(ObjectError):
    """The storage does not answer; the same call may succeed later."""

    code = "object_unavailable"


class FootageError(VmsError):
    """A Segment's file is damaged or none of ours, or a codec's headers cannot be read."""

    code = "footage"
    status = 422


class FootageCutOffError(FootageError):
    """The file ends in the middle of something; what there is may be sound."""

    code = "footage_cut_off"


class FootageVersionError(FootageError):
    """A newer version wrote it: sound, and not for us to judge."""

    code = "footage_version"


class CatalogueError(VmsError):
    """The SQL catalogue failed."""

    code = "catalogue"
    status = 503


class BusError(VmsError):
    """The message bus failed."""

    code = "bus"
    status = 503


class NoResponderError(BusError):
    """Nobody serves this subject now."""

    code = "no_responder"


class BusTimeoutError(BusError):
    """The answer did not come in time."""

    code = "bus_timeout"
    status = 504


def _subclasses(base: type[VmsError]) -> dict[str, type[VmsError]]:
    # Only classes with a code of their own: others (a page's own kinds of error) do not travel.
    found = {base.code: base} if "code" in vars(base) else {}
    for child in base.__subclasses__():
        found |= _subclasses(child)
    return found


def from_code(
    code: str, message: str, hint: str = "", reason: str = "", params: Mapping[str, str] | None = None
) -> VmsError:
    """Rebuild an error that travelled over the bus by its code; an unknown code gives a plain VmsError."""
    return _subclasses(VmsError).get(code, VmsError)(message, hint=hint, reason=reason, params=params)
