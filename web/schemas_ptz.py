"""What goes in and out of the API about steering cameras, as pydantic models; the rules of web/schemas.py."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, StrictBool, WithJsonSchema

from vms.domain.ptz import DWELL_S, STEPS_MAX, TOKEN_MAX
from web.schemas import URL_MAX, Id, In, Out, Password, Username
from web.text import clean_name

LABEL_MAX = 64
_LABEL_SCHEMA = {"type": "string", "minLength": 1, "maxLength": LABEL_MAX}


def _label(text: str) -> str:
    name = clean_name(text)
    if len(name) > LABEL_MAX:
        raise ValueError(f"has at most {LABEL_MAX} characters")
    return name


Label = Annotated[str, AfterValidator(_label), WithJsonSchema(_LABEL_SCHEMA)]
Token = Annotated[str, Field(min_length=1, max_length=TOKEN_MAX)]
Speed = Annotated[float, Field(ge=-1, le=1, strict=True, allow_inf_nan=False)]


class PtzMoveIn(In):
    """How fast to go on, each from -1 (left, down, away) to 1; all 0: stop. Said again at least once a second, else the
    camera is stopped. `take_over`: although somebody else of the same priority steers."""

    pan: Speed = 0
    tilt: Speed = 0
    zoom: Speed = 0
    take_over: StrictBool = False


class PtzGotoIn(In):
    """Look at a preset."""

    take_over: StrictBool = False


class PtzPresetIn(In):
    """Keep where the camera looks now under this name."""

    name: Label


class PtzPresetPatch(In):
    """Another name for a preset, or (`here`) where the camera looks now, or both."""

    name: Label | None = None
    here: StrictBool = False


class PatrolStepIn(In):
    """A preset and how long the camera stays there, in seconds."""

    preset: Token
    dwell_s: Annotated[float, Field(ge=DWELL_S[0], le=DWELL_S[1])]


class PatrolIn(In):
    """The round a camera makes while nobody steers it."""

    on: StrictBool
    steps: Annotated[list[PatrolStepIn], Field(max_length=STEPS_MAX)]


class OnvifTryIn(In):
    """An ONVIF device to try; `site`: from where. `camera`: one whose kept login is used where none is given, which is
    done only for a device at its own host."""

    site: Id | None = None
    camera: Id | None = None
    url: Annotated[str, Field(min_length=1, max_length=URL_MAX)]
    username: Username = ""
    password: Password = SecretStr("")


class HolderOut(Out):
    """Who steers a camera, and for how many seconds more if they do nothing. `above`: they have priority over who asks,
    who cannot take it over."""

    person: str
    name: str
    left_s: float
    above: bool


class PtzPresetOut(Out):
    """A preset by its token."""

    token: str
    name: str


class PtzPositionOut(Out):
    """Where it looks: pan and tilt -1 to 1, zoom 0 to 1."""

    pan: float
    tilt: float
    zoom: float


class PatrolStepOut(Out):
    """See PatrolStepIn."""

    preset: str
    dwell_s: float


class PatrolOut(Out):
    """See PatrolIn."""

    on: bool
    steps: list[PatrolStepOut]


class PtzOut(Out):
    """What is known of a camera that can be steered; `position` is null where the device does not say."""

    presets: list[PtzPresetOut]
    position: PtzPositionOut | None
    patrol: PatrolOut
    holder: HolderOut | None


class HeldOut(Out):
    """What became of an order: who has the camera now."""

    holder: HolderOut | None


class HeldCameraOut(Out):
    """A camera that somebody steers."""

    camera: str
    holder: HolderOut


class HeldCamerasOut(Out):
    """All cameras that somebody steers now."""

    items: list[HeldCameraOut]


class OnvifTryOut(Out):
    """What the device can, or why it gives nothing (`reason`, `params`: see ProblemOut)."""

    ok: bool
    message: str
    hint: str
    reason: str
    params: dict[str, str]
    profiles: list[str]
    ptz: bool
    presets: list[str]
