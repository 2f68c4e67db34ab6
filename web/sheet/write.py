"""Cameras as a Sheet: CSV for spreadsheets, YAML for people and `vms apply`. Pure. No password is ever in one."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from vms.domain.camera import Camera, Site, Stream, StreamName
from web.sheet.columns import WRITTEN
from web.sheet.csv_rows import guarded

_TEXTS = frozenset({"slug", "site", "name", "main", "sub", "username", "onvif"})


def values_of(camera: Camera, site: str) -> dict[str, Any]:
    """A camera by column; None where it has nothing."""
    main, sub = camera.stream(StreamName.MAIN), camera.stream(StreamName.SUB)
    position = camera.position
    values = {
        "number": camera.number,
        "slug": camera.slug,
        "site": site,
        "name": camera.name,
        "main": _url(main),
        "sub": _url(sub),
        "record_main": None if main is None else main.record.value,
        "record_sub": None if sub is None else sub.record.value,
        "username": camera.username or None,
        "transport": camera.transport,
        "enabled": camera.enabled,
        "audio": camera.audio,
        "retention_days": camera.retention_days,
        "analysis": camera.analysis,
        "priority": camera.priority.value,
        "onvif": camera.onvif or None,
        "latitude": None if position is None else position.latitude,
        "longitude": None if position is None else position.longitude,
    }
    return {name: values[name] for name in WRITTEN}


def write_csv(cameras: Iterable[Camera], sites: Mapping[str, Site]) -> bytes:
    """UTF-8 with a byte-order mark and CRLF, as spreadsheets want it (RFC 4180); texts that look like formulas get an
    apostrophe, which reading takes away."""
    sink = io.StringIO(newline="")
    writer = csv.writer(sink)
    writer.writerow(WRITTEN)
    for camera in cameras:
        values = values_of(camera, _slug(sites, camera))
        writer.writerow([_cell(name, value) for name, value in values.items()])
    return codecs.BOM_UTF8 + sink.getvalue().encode("utf-8")


def write_yaml(cameras: Sequence[Camera], sites: Mapping[str, Site]) -> bytes:
    """A list under `cameras`; what a camera has not is left out."""
    listed = [
        {name: value for name, value in values_of(camera, _slug(sites, camera)).items() if value is not None}
        for camera in cameras
    ]
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text = yaml.dump({"cameras": listed}, Dumper=dumper, allow_unicode=True, sort_keys=False, width=1000)
    return str(text).encode("utf-8")


def _slug(sites: Mapping[str, Site], camera: Camera) -> str:
    site = sites.get(camera.site)
    return "" if site is None else site.slug


def _url(stream: Stream | None) -> str | None:
    return None if stream is None else stream.url


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return guarded(str(value)) if name in _TEXTS else str(value)
