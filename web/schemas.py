"""What goes in and out of the API, as pydantic models; they are also its documentation in OpenAPI.

Unknown fields are refused. Passwords come in as SecretStr and never go out.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StrictBool, StrictInt, WithJsonSchema

from vms.domain.camera import LinePriority, RecordMode, StreamName
from vms.domain.media import StreamCondition
from vms.domain.rights import Right
from web.schemas_areas import AreaOut, Areas, Masks
from web.schemas_position import PositionIn, PositionOut
from web.text import NAME_MAX, PASSWORD_MAX, USERNAME_MAX, clean_name, clean_password, clean_username

URL_MAX = 2_048
SDP_MAX = 524_288
TILES_MAX = 64


def _secret(given: SecretStr) -> SecretStr:
    return SecretStr(clean_password(given.get_secret_value()))


Name = Annotated[
    str, AfterValidator(clean_name), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": NAME_MAX})
]
Username = Annotated[str, AfterValidator(clean_username), WithJsonSchema({"type": "string", "maxLength": USERNAME_MAX})]
Password = Annotated[
    SecretStr,
    AfterValidator(_secret),
    WithJsonSchema({"type": "string", "format": "password", "maxLength": PASSWORD_MAX, "writeOnly": True}),
]
Id = Annotated[str, Field(pattern=r"^[a-z2-7]{16}$", description="An id: 16 characters of lower-case base32.")]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Days = Annotated[StrictInt, Field(ge=1, le=3650)]
Transport = Literal["tcp", "udp"]
Onvif = Annotated[str, Field(max_length=URL_MAX)]


class In(BaseModel):
    """Base of what is taken in."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Out(BaseModel):
    """Base of what is given out."""


class ProblemOut(Out):
    """An error (RFC 9457). `code` is stable; `detail` and `hint` are for people. `reason` is the stable name of these
    words, and `params` what is variable in them, so that a client can say them in another language."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str | None = None
    reason: str | None = None
    params: dict[str, str] | None = None
    field: str | None = None
    errors: list[dict[str, str]] | None = None


class SignIn(In):
    """Who signs in."""

    username: Username
    password: Password


class PasswordChange(In):
    """The password so far, and the one from now on."""

    old: Password
    new: Password


class PersonOut(Out):
    """The person signed in."""

    id: str
    username: str
    name: str
    language: str
    must_change: bool


class SessionOut(Out):
    """The sign-in; `csrf` goes into the X-CSRF-Token header of whatever changes something. `rights`: what the person
    may do somewhere, `everywhere`: on everything, for a page that shows only what works."""

    person: PersonOut
    csrf: str
    rights: list[Right]
    everywhere: list[Right]


class SiteRef(Out):
    """The site of a camera."""

    id: str
    slug: str
    name: str


class StateOut(Out):
    """Condition of a stream since when (null: not known), and why in words; `reason`, `params`: see ProblemOut."""

    condition: StreamCondition
    since: str | None
    why: str
    reason: str
    params: dict[str, str]


class StreamOut(Out):
    """One feed of a camera; its URL never holds user or password."""

    name: StreamName
    url: str
    record: RecordMode
    state: StateOut


class CameraOut(PositionOut, Out):
    """A camera. Its password is write-only: `has_password` says whether there is one. `number`: what operators type for
    it, for good; null: it has yet to arrive from the center. `rights`: those of who asks."""

    id: str
    number: int | None
    slug: str
    name: str
    site: SiteRef
    enabled: bool
    audio: bool
    transport: Transport
    username: str
    has_password: bool
    state: StateOut
    streams: list[StreamOut]
    retention_days: int | None
    areas: list[AreaOut]
    masks: list[list[list[float]]]
    analysis: bool
    priority: LinePriority
    onvif: str
    registered_at: str
    rights: list[Right]
    rev: int


class CamerasOut(Out):
    """One page of cameras; `next` is the cursor of the following one."""

    items: list[CameraOut]
    next: str | None


class StreamIn(In):
    """One feed. `record` left out: `main` continuously, `sub` not."""

    name: StreamName
    url: Annotated[str, Field(min_length=1, max_length=URL_MAX)]
    record: RecordMode | None = None


Streams = Annotated[list[StreamIn], Field(min_length=1, max_length=2)]


class CameraIn(PositionIn, In):
    """A camera to register. User and password may also stand in the URL, from where they are taken out."""

    site: Id
    name: Name
    slug: Slug | None = None
    username: Username = ""
    password: Password = SecretStr("")
    transport: Transport = "tcp"
    enabled: StrictBool = True
    audio: StrictBool = False
    retention_days: Days | None = None
    areas: Areas = []
    masks: Masks = []
    analysis: StrictBool = True
    priority: LinePriority = LinePriority.NORMAL
    onvif: Onvif = ""
    streams: Streams


class CameraPatch(PositionIn, In):
    """What changes of a camera; `rev` is that of the camera as it was read. Fields left out stay as they are."""

    rev: Annotated[StrictInt, Field(ge=1, le=2**53)]
    site: Id | None = None
    name: Name | None = None
    slug: Slug | None = None
    username: Username | None = None
    password: Password | None = None
    transport: Transport | None = None
    enabled: StrictBool | None = None
    audio: StrictBool | None = None
    retention_days: Days | None = None
    areas: Areas | None = None
    masks: Masks | None = None
    analysis: StrictBool | None = None
    priority: LinePriority | None = None
    onvif: Onvif | None = None
    streams: Streams | None = None


class ProbeIn(In):
    """A camera to try; `site`: from where, as a camera of a site is seldom reached from elsewhere; `camera`: the one
    that is being changed, which is no double of itself."""

    site: Id | None = None
    camera: Id | None = None
    url: Annotated[str, Field(min_length=1, max_length=URL_MAX)]
    username: Username = ""
    password: Password = SecretStr("")
    transport: Transport | None = None


class RemarkOut(Out):
    """What works and will disappoint, in plain words; `reason`, `params`: see ProblemOut."""

    reason: str
    text: str
    params: dict[str, str]


class ProbeOut(Out):
    """What the URL gives, or why it gives nothing (`reason`, `params`: see ProblemOut); `picture` is a data URI of a
    JPEG."""

    ok: bool
    code: str
    message: str
    hint: str
    reason: str
    params: dict[str, str]
    facts: dict[str, Any]
    warnings: list[RemarkOut]
    picture: str | None


class IntervalOut(Out):
    """[from, to) in RFC 3339."""

    from_: Annotated[str, Field(alias="from", serialization_alias="from")]
    to: str


class GapOut(IntervalOut):
    """What is not replayable of an interval, and why."""

    cause: str
    state: str


class CoverageOut(IntervalOut):
    """What of an interval is recorded; recorded and gaps together are all of it from registration to now."""

    recorded_s: float
    intervals: list[IntervalOut]
    gaps: list[GapOut]


class CauseOut(Out):
    """All Gaps of one cause in a month."""

    cause: str
    count: int
    total_s: float
    longest_s: float


class CameraCoverageOut(Out):
    """A camera's month. `days`: share recorded of what should have been; null where nothing should have been (yet)."""

    id: str
    slug: str
    name: str
    removed: bool
    recorded_s: float
    due_s: float
    days: list[float | None]
    causes: list[CauseOut]


class SiteCoverageOut(IntervalOut):
    """A site's month."""

    site: str
    month: str
    cameras: list[CameraCoverageOut]


class NamedOut(Out):
    """A thing by id and name; the name is null where it is not known here any more."""

    id: str
    name: str | None


class EventOut(Out):
    """Something that happened; `end` is null while it goes on. `stream`: null where it is about none or all of the
    camera's. `params`: what is variable in its words, such as `cause`, `percent`, `store`."""

    id: str
    kind: str
    severity: Literal["notice", "warning", "alarm"]
    start: str
    end: str | None
    site: SiteRef | None
    camera: NamedOut | None
    stream: StreamName | None
    node: NamedOut | None
    params: dict[str, Any]


class OpenOut(Out):
    """How many events go on, by severity, whatever else was asked."""

    notice: int
    warning: int
    alarm: int


class EventsOut(Out):
    """Events, newest first."""

    items: list[EventOut]
    next: str | None
    open: OpenOut


class ServiceOut(Out):
    """How a service is; `reason`, `params`: see ProblemOut."""

    ok: bool
    why: str
    reason: str
    params: dict[str, str]


class ReadyOut(Out):
    """Whether every service does its work."""

    ready: bool
    services: dict[str, ServiceOut]
