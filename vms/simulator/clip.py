"""Encoded loops and their cache: one file per clip, named by a hash of what it shows and of the code that draws it.

Several processes may build the same clip at once; the last rename wins and all are equal. Blocking file I/O.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from vms.simulator.options import Picture
from vms.simulator.packetize import Unit, is_parameter_set
from vms.simulator.places import Place

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class ClipKey:
    """What a clip shows and how it is encoded."""

    scene: str
    title: str
    picture: Picture

    @classmethod
    def of(cls, place: Place, picture: Picture) -> ClipKey:
        """The clip of that camera."""
        return cls(place.scene, f"{place.name}, {place.site_name}", picture)

    def path(self, folder: Path) -> Path:
        """Where it lies in the cache."""
        text = json.dumps([_FORMAT, _code_digest(), asdict(self)], sort_keys=True)
        return folder / f"{self.scene}-{self.picture.width}x{self.picture.height}-{_sha(text.encode())[:20]}.clip"


@dataclass(frozen=True, slots=True)
class EncodedUnit:
    """An access unit as the encoder made it: NAL units without start codes, in decoding order; `shift` as in Unit."""

    is_key: bool
    shift: int
    nals: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Clip:
    """A loop ready to be sent. `parameters`: SPS and PPS (VPS first for H.265) as in the first key frame."""

    picture: Picture
    units: tuple[Unit, ...]
    parameters: tuple[bytes, ...]
    size_bytes: int


def save(path: Path, units: Iterable[EncodedUnit]) -> None:
    """Write the file whole or not at all."""
    listed = list(units)
    header = json.dumps([[u.is_key, u.shift, [len(nal) for nal in u.nals]] for u in listed], separators=(",", ":"))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as out:
        out.write(header.encode() + b"\n")
        for unit in listed:
            out.writelines(unit.nals)
    part.replace(path)


def read(key: ClipKey, folder: Path) -> list[EncodedUnit]:
    """The access units of a clip in the cache; FileNotFoundError where it was not built."""
    data = key.path(folder).read_bytes()
    end = data.index(b"\n")
    at = end + 1
    units = []
    for is_key, shift, sizes in json.loads(data[:end]):
        nals = []
        for size in sizes:
            nals.append(data[at : at + size])
            at += size
        units.append(EncodedUnit(is_key, shift, tuple(nals)))
    return units


def load(key: ClipKey, folder: Path) -> Clip:
    """Read a clip from the cache and cut it for RTP."""
    encoded = read(key, folder)
    h265 = key.picture.codec == "h265"
    units = tuple(Unit.cut(unit.nals, is_key=unit.is_key, shift=unit.shift, h265=h265) for unit in encoded)
    parameters = tuple(nal for nal in encoded[0].nals if is_parameter_set(nal, h265=h265))
    return Clip(key.picture, units, parameters, sum(len(nal) for unit in encoded for nal in unit.nals))


@cache
def _code_digest() -> str:
    """A changed painter or encoder makes new clips, without anybody having to remember a version."""
    here = Path(__file__).parent
    sources = sorted([*(here / "scenes").glob("*.py"), here / "render.py", here / "barcode.py"])
    return _sha(b"\0".join(path.read_bytes() for path in sources))


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
