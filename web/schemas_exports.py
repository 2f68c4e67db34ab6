"""What goes in and out of the API about Exports, as pydantic models; the rules of web/schemas.py."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from vms.domain.camera import StreamName
from vms.domain.derivative import DerivativeKind
from vms.domain.job import JobState
from web.schemas import Id, In, NamedOut, Out
from web.schemas_cases import CaseRef
from web.text import clean_text

CAMERAS_MAX = 64
REASON_MAX = 500


def _reason(text: str) -> str:
    cleaned = clean_text(text, limit=REASON_MAX)
    if not cleaned:
        raise ValueError("an export needs a reason")
    return cleaned


Reason = Annotated[
    str, AfterValidator(_reason), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": REASON_MAX})
]


class DerivativeIO(In):
    """Films that are made from the footage, beside it: re-encoded, with name, time and mark burned in, without sound;
    `burned`: one a camera, `composite`: one of all. `masked`: the cameras' privacy masks are covered."""

    kind: DerivativeKind
    masked: bool = False


class ExportIn(In):
    """What is to be exported: cameras x time. `from`, `to`: RFC 3339, capture time, half-open, not after now. `reason`:
    why; it stands in the package and in the audit log. `case`: an open one of yours, which keeps the package.
    `derivative`: what is wanted beside the originals."""

    cameras: Annotated[list[Id], Field(min_length=1, max_length=CAMERAS_MAX)]
    from_: Annotated[str, Field(alias="from", max_length=64)]
    to: Annotated[str, Field(max_length=64)]
    stream: StreamName = StreamName.MAIN
    reason: Reason
    case: Id | None = None
    derivative: DerivativeIO | None = None


class LeftOutOut(Out):
    """Footage that is recorded and not in the package, for its Store did not give what was recorded. `gop`: number of
    the group of pictures in its Run; null: a whole stretch. `why`: in words."""

    camera: str
    run: str
    gop: int | None
    from_: Annotated[str, Field(serialization_alias="from")]
    to: str
    why: str


class PackageOut(Out):
    """What can be downloaded, until when. `left_out`: the first of what is not in it, `left_out_count`: of how many."""

    name: str
    size_bytes: int
    manifest_sha256: str
    signer: str
    expires_at: str | None
    left_out: list[LeftOutOut]
    left_out_count: int


class ExportOut(Out):
    """An export. `progress`: 0 to 1. `why`, `why_reason`: what went wrong, or for what it waits, in words and by a
    stable name. `package`: null while it is not done, and again once it was removed. `case`: null where it has none, or
    you do not see it."""

    id: str
    kind: Literal["export"] = "export"
    state: JobState
    progress: float
    cameras: list[NamedOut]
    from_: Annotated[str, Field(serialization_alias="from")]
    to: str
    stream: StreamName
    reason: str
    derivative: DerivativeIO | None
    person: NamedOut
    case: CaseRef | None
    created_at: str
    started_at: str | None
    ended_at: str | None
    why: str
    why_reason: str
    package: PackageOut | None


class ExportsOut(Out):
    """One page of exports, the newest first; `next` is the cursor of the following one."""

    items: list[ExportOut]
    next: str | None
