"""What the fake API has recorded: one minute of footage over and over since the registration, less the gaps."""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from recorder.key_stream import HEADER
from tests.ui.footage import FPS, GOP, Minute, minute
from tests.ui.wire import iso, ms_of, now_ms, problem

GOP_MS = GOP * 1000 // FPS


@dataclass(kw_only=True)
class FakeRecordings:
    """`gaps` are (from_ms, to_ms, cause)."""

    gaps: list[tuple[int, int, str]] = field(default_factory=list)
    registered_ms: int = field(default_factory=lambda: (now_ms() - 3 * 3600_000) // 60_000 * 60_000)

    def _recorded(self, start: int, end: int) -> list[tuple[int, int]]:
        edge, found = max(start, self.registered_ms), []
        for gap_from, gap_to, _ in sorted(self.gaps):
            if edge < min(gap_from, end):
                found.append((edge, min(gap_from, end)))
            edge = max(edge, gap_to)
        return [*found, (edge, end)] if edge < end else found

    async def _coverage(self, request: Request) -> Response:
        start, end = ms_of(request.query_params["from"]), min(ms_of(request.query_params["to"]), now_ms())
        start = max(start, self.registered_ms)
        recorded = self._recorded(start, end)
        gaps = [
            {
                "from": iso(max(a, start)),
                "to": iso(min(b, end)),
                "cause": cause,
                "state": "open" if b > now_ms() else "closed",
            }
            for a, b, cause in self.gaps
            if b > start and a < end
        ]
        return JSONResponse({
            "from": iso(start), "to": iso(end), "recorded_s": sum(b - a for a, b in recorded) / 1000,
            "intervals": [{"from": iso(a), "to": iso(b)} for a, b in recorded], "gaps": gaps,
        })  # fmt: skip

    async def _timeline(self, request: Request) -> Response:
        """As coverage has it, for each camera that is asked for."""
        asked = request.query_params
        begin, until = ms_of(asked["from"]), ms_of(asked["to"])
        start, end = max(begin, self.registered_ms), min(until, now_ms())
        gaps = [(max(a, start), min(b, end), cause, b > now_ms()) for a, b, cause in self.gaps if b > start and a < end]
        strip = {
            "start": start - begin if start < end else None, "end": end - begin if start < end else None,
            "recorded": [[a - begin, b - begin] for a, b in self._recorded(start, end)],
            "gaps": [
                {"start": a - begin, "end": b - begin, "cause": cause, "open": open_, "count": 1, "missing_ms": b - a}
                for a, b, cause, open_ in gaps
            ],
            "motion": [], "events": [], "bookmarks": [], "holds": [],
        }  # fmt: skip
        steps = {"step_ms": int(float(asked["step"]) * 1000), "motion_step_ms": max(1000, (until - begin) // 1500)}
        cameras = [{"camera": camera, **strip} for camera in asked["cameras"].split(",")]
        return JSONResponse({"from": asked["from"], "to": asked["to"], **steps, "more": False, "cameras": cameras})

    async def _playlist(self, request: Request) -> Response:
        start, end = ms_of(request.query_params["from"]), min(ms_of(request.query_params["to"]), now_ms() - 500)
        camera, footage = request.path_params["id"], minute()
        lines = ["#EXTM3U", "#EXT-X-VERSION:7", f"#EXT-X-TARGETDURATION:{GOP_MS // 1000}", "#EXT-X-PLAYLIST-TYPE:VOD"]
        last = None
        for at in range(start // GOP_MS * GOP_MS, end, GOP_MS):
            if self._recorded(at, at + GOP_MS) != [(at, at + GOP_MS)]:
                continue
            number, i = divmod(at, 60_000)
            name = f"/api/cameras/{camera}/segments/run{number}/0.mp4"
            if last is None or last[0] != number or last[1] != at:
                lines += ["#EXT-X-DISCONTINUITY"] if last is not None else []
                lines += [
                    f'#EXT-X-MAP:URI="{name}",BYTERANGE="{footage.init}@0"',
                    f"#EXT-X-PROGRAM-DATE-TIME:{iso(at)}",
                ]
            offset, length = footage.gops[i // GOP_MS]
            lines += [f"#EXTINF:{GOP_MS / 1000:.6f},", f"#EXT-X-BYTERANGE:{length}@{offset}", name]
            last = (number, at + GOP_MS)
        if last is None:
            return problem(404, "not_found", "Nothing is recorded there.")
        return Response("\n".join([*lines, "#EXT-X-ENDLIST", ""]), media_type="application/vnd.apple.mpegurl")

    async def _segment(self, request: Request) -> Response:
        footage: Minute = minute()
        first, _, last = request.headers["range"].removeprefix("bytes=").partition("-")
        part = footage.data[int(first) : int(last) + 1]
        headers = {"Content-Range": f"bytes {first}-{last}/{len(footage.data)}"}
        return Response(part, 206, headers, media_type="video/mp4")

    async def _key_frames(self, request: Request) -> Response:
        """As recorder/key_stream.py; of this footage a GOP is one fragment."""
        start, end = ms_of(request.query_params["from"]), min(ms_of(request.query_params["to"]), now_ms() - 500)
        footage = minute()
        records = [HEADER.pack(b"init", footage.init, 0, 0) + footage.data[: footage.init]]
        for at in range(start // GOP_MS * GOP_MS, end, GOP_MS):
            if self._recorded(at, at + GOP_MS) == [(at, at + GOP_MS)]:
                offset, length = footage.gops[at % 60_000 // GOP_MS]
                records.append(HEADER.pack(b"keyf", length, at, at + GOP_MS) + footage.data[offset : offset + length])
        return Response(b"".join(records), media_type="application/octet-stream")

    async def _footage(self, _: Request) -> Response:
        disposition = {"Content-Disposition": 'attachment; filename="footage.mp4"'}
        return Response(minute().data, media_type="video/mp4", headers=disposition)
