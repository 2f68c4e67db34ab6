"""What works and will disappoint, of what a camera says of itself; in plain words, as ingest says it of what it saw
(ingest/probe.py). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vms.domain.camera import Camera
from web.schemas import RemarkOut

CLOCK_OFF_S = 30.0
LONG_GOP_S = 4.0
_SUB_WIDTH = 1000
# Logins that makers ship; everybody knows them.
_DEFAULTS = frozenset(
    {
        ("admin", ""), ("admin", "admin"), ("admin", "12345"), ("admin", "123456"), ("admin", "1234"),
        ("admin", "password"), ("admin", "888888"), ("admin", "666666"), ("root", "root"), ("root", "pass"),
        ("root", ""), ("root", "admin"), ("service", "service"), ("supervisor", "supervisor"),
        ("888888", "888888"), ("666666", "666666"), ("user", "user"),
    }
)  # fmt: skip


def of_login(username: str, password: str) -> list[RemarkOut]:
    """Whether the login is one that everybody knows."""
    if (username.strip().lower(), password) not in _DEFAULTS:
        return []
    words = "Its login is the one that it was shipped with: change it at the camera."
    return [RemarkOut(reason="default_login", text=words, params={})]


def of_twins(urls: Iterable[str], cameras: Iterable[Camera]) -> list[RemarkOut]:
    """Whether one of these addresses is registered already."""
    wanted = set(urls)
    twin = next((one for one in cameras if wanted & {stream.url for stream in one.streams}), None)
    if twin is None:
        return []
    words = f"The camera {twin.name} has this address already."
    return [RemarkOut(reason="twin", text=words, params={"camera": twin.name})]


def of_clock(off_s: float) -> list[RemarkOut]:
    """Whether the camera's clock is wrong: what it writes into its pictures is wrong too."""
    if abs(off_s) < CLOCK_OFF_S:
        return []
    seconds = f"{abs(off_s):.0f}"
    words = f"Its clock is off by {seconds} s: set its time server (NTP)."
    return [RemarkOut(reason="clock_off", text=words, params={"seconds": seconds})]


def of_feeds(feeds: Sequence[Mapping[str, Any]], main: str, sub: str) -> list[RemarkOut]:
    """Of the streams that would be taken."""
    by_url = {feed["url"]: feed for feed in feeds}
    first, second = by_url.get(main), by_url.get(sub)
    found: list[RemarkOut] = []
    if first is not None and first["codec"] == "h265" and (second is None or second["codec"] != "h264"):
        words = "It sends H.265, which many browsers do not play live: give it an H.264 sub stream."
        found.append(RemarkOut(reason="h265", text=words, params={}))
    if first is not None and second is None:
        words = "It has no small stream: on the wall it takes as much of the line as in full size."
        found.append(RemarkOut(reason="no_sub", text=words, params={}))
    for feed in (first, second):
        if feed is not None and feed["gop"] and feed["fps"] and feed["gop"] / feed["fps"] > LONG_GOP_S:
            seconds = f"{feed['gop'] / feed['fps']:g}"
            words = f'Its key frames are {seconds} s apart: set the interval to 2 s and any "smart" codec (H.264+) off.'
            found.append(RemarkOut(reason="long_gop", text=words, params={"seconds": seconds}))
            break
    return found


def main_and_sub(feeds: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """URLs of the streams that `main` and `sub` would be: the largest that can be recorded, and the smallest beside it,
    H.264 rather than H.265; empty where there is none."""
    usable = [feed for feed in feeds if feed["codec"] in {"h264", "h265"}]
    if not usable:
        return "", ""
    main = max(usable, key=lambda feed: feed["width"] * feed["height"])
    others = [feed for feed in usable if feed["url"] != main["url"]]
    others.sort(key=lambda feed: (feed["codec"] != "h264", feed["width"] > _SUB_WIDTH, -feed["width"] * feed["height"]))
    return str(main["url"]), str(others[0]["url"]) if others else ""
