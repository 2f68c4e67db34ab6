"""The two pages of a package: one that plays it offline, one to be printed. Pure text, both languages on both.

Each is one file without any request of its own: what a browser shows of it from a disk, it shows anywhere. The player's
template is recorder/player.html.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from vms.proof.certificate import certified_by

_TEMPLATE = Path(__file__).with_name("player.html")
_WIB = dt.timezone(dt.timedelta(hours=7), "WIB")
CAUSES = {
    "camera_unreachable": ("kamera tidak terjangkau", "camera unreachable"),
    "auth_failed": ("kamera menolak kata sandi", "camera refused the password"),
    "stream_stalled": ("kamera diam", "camera fell silent"),
    "stream_corrupt": ("kiriman kamera rusak", "what the camera sent was damaged"),
    "no_keyframe": ("tanpa bingkai kunci", "no key frame"),
    "node_down": ("server perekam mati", "recording server down"),
    "overload": ("server perekam kewalahan", "recording server overloaded"),
    "no_motion": ("tanpa gerakan", "no motion"),
    "spool_full": ("penyimpanan penuh", "storage full"),
    "disk_error": ("gangguan cakram", "disk error"),
    "clock_step": ("jam server disetel", "the server's clock was set"),
    "not_reported": ("belum dilaporkan", "not reported yet"),
    "lost": ("rekaman hilang", "footage lost"),
    "unknown": ("tidak diketahui", "unknown"),
    "schedule": ("di luar jadwal", "outside the schedule"),
    "disabled": ("kamera dinonaktifkan", "camera disabled"),
    "expired": ("sudah dihapus", "removed by retention"),
}


def player_page(about: Mapping[str, Any]) -> str:
    """The player; `about` as in the manifest."""
    data = {
        "from_ms": about["interval"]["from_ns"] // 10**6,
        "to_ms": about["interval"]["to_ns"] // 10**6,
        "reason": about["reason"],
        "causes": CAUSES,
        "cameras": [_player_camera(camera) for camera in about["cameras"]],
    }
    # A name may hold anything, `</script>` too.
    text = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")
    return _TEMPLATE.read_text(encoding="utf-8").replace("__DATA__", text)


def _player_camera(camera: Mapping[str, Any]) -> dict[str, Any]:
    files = []
    for file in camera["files"]:
        origin_90k, end_90k = file["shown_90k"]
        points = [[(at - origin_90k) / 90, ns / 10**6, length / 10**6] for at, ns, length in file["points"]]
        files.append({"src": file["member"], "length_ms": (end_90k - origin_90k) / 90, "points": points})
    return {
        "name": camera["name"],
        "site": camera["site"]["name"],
        "files": files,
        "gaps": [[gap["from_ns"] / 10**6, gap["to_ns"] / 10**6, gap["cause"]] for gap in camera["gaps"]],
    }


def report_page(about: Mapping[str, Any], members: Sequence[Mapping[str, Any]]) -> str:
    """The report; `members`: all but itself and the manifest, with size and SHA-256."""
    key = about["key"]
    installation = certified_by(key["certificate"], key["node"], key["public_key"])
    rows = [
        ("Nomor ekspor", "Export", escape(about["id"])),
        ("Alasan", "Reason", escape(about["reason"])),
        ("Diminta oleh", "Asked for by", escape(f"{about['person']['name']} ({about['person']['id']})")),
        ("Diminta pada", "Asked for at", _time(about["asked_ns"])),
        ("Dibuat pada", "Made at", _time(about["made_ns"])),
        ("Dari", "From", _time(about["interval"]["from_ns"])),
        ("Sampai", "To", _time(about["interval"]["to_ns"])),
        ("Aliran", "Stream", escape(about["stream"])),
    ]
    keys = [
        ("Kunci instalasi", "Installation key", _print(installation) if installation else _NOT_CERTIFIED),
        ("Ditandatangani oleh", "Signed by", _print(key["fingerprint"])),
    ]
    parts = [
        _table(rows),
        "<h2>Kunci <i>Keys</i></h2>",
        _table(keys),
        _COMPARE,
        *(_camera(camera) for camera in about["cameras"]),
        _derivatives(about.get("derivatives", ())),
        "<h2>Jam <i>Clocks</i></h2>",
        _clocks(about["runs"]),
        "<h2>Isi <i>Contents</i></h2>",
        _members(members),
        _HOW,
    ]
    return _HEAD + "".join(parts) + "</main></body></html>\n"


def _camera(camera: Mapping[str, Any]) -> str:
    files = "".join(
        f"<li>{escape(file['member'])}: {_time(file['shown_ns'][0])} – {_time(file['shown_ns'][1])}</li>"
        for file in camera["files"]
    )
    gaps = "".join(
        f"<tr><td>{_time(gap['from_ns'])}</td><td>{_time(gap['to_ns'])}</td><td>{_cause(gap['cause'])}</td></tr>"
        for gap in camera["gaps"]
    )
    missing = (
        f"<table class=list><tr><th>Dari <i>From</i></th><th>Sampai <i>To</i></th><th>Celah <i>Gap</i></th></tr>{gaps}"
        "</table>"
        if gaps
        else "<p>Tanpa celah. <i>No gaps.</i></p>"
    )
    title = f"<h2>{escape(camera['name'])} <i>{escape(camera['site']['name'])} · {escape(camera['id'])}</i></h2>"
    none = "<p>Tidak ada rekaman. <i>Nothing is recorded.</i></p>"
    return title + (f"<ul>{files}</ul>" if files else none) + missing + _left_out(camera.get("left_out", ()))


def _left_out(left: Sequence[Mapping[str, Any]]) -> str:
    """What the Store gave that was not what was recorded."""
    if not left:
        return ""
    rows = "".join(
        f"<tr><td>{_time(one['from_ns'])}</td><td>{_time(one['to_ns'])}</td><td>{escape(one['run'])} · "
        f"{one['segment'] if one['gop'] is None else one['gop']}</td><td>{escape(one['why'])}</td></tr>"
        for one in left
    )
    head = (
        "<tr><th>Dari <i>From</i></th><th>Sampai <i>To</i></th><th>Rangkaian · GOP <i>Run · GOP</i></th>"
        "<th>Sebab <i>Why</i></th></tr>"
    )
    return (
        "<p>Tidak disertakan, karena penyimpanan tidak memberikan apa yang dulu direkam: "
        "<i>Left out, for the Store did not give what was recorded:</i></p>"
        f"<table class=list>{head}{rows}</table>"
    )


def _derivatives(films: Sequence[Mapping[str, Any]]) -> str:
    if not films:
        return ""
    rows = "".join(
        f"<tr><td>{escape(film['member'])}</td><td>{escape(', '.join(film['of']))}</td><td>{escape(film['how'])}"
        f"{_MASKED if film['masked'] else ''}</td></tr>"
        for film in films
    )
    head = "<tr><th>Berkas <i>File</i></th><th>Dari <i>Made of</i></th><th>Cara <i>How</i></th></tr>"
    return f"<h2>Turunan <i>Derivatives</i></h2>{_NOT_ORIGINAL}<table class=list>{head}{rows}</table>"


def _clocks(runs: Iterable[Mapping[str, Any]]) -> str:
    rows = []
    for run in runs:
        clock = run.get("clock") or {}
        synchronized = clock.get("synchronized")
        words = "selaras <i>synchronized</i>" if synchronized else "tidak selaras <i>not synchronized</i>"
        correction = f"{run.get('correction_ns', 0) / 1e9:+.3f} s"
        stated = "ya <i>yes</i>" if run["checkpoint"] else "belum <i>not yet</i>"
        rows.append(f"<tr><td>{escape(run['id'])}</td><td>{words}</td><td>{correction}</td><td>{stated}</td></tr>")
    head = (
        "<tr><th>Rangkaian <i>Run</i></th><th>Jam <i>Clock</i></th><th>Koreksi <i>Correction</i></th>"
        "<th>Checkpoint</th></tr>"
    )
    return f"<table class=list>{head}{''.join(rows)}</table>"


def _members(members: Sequence[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td>{escape(one['name'])}</td><td class=n>{one['size']}</td><td><code>{one['sha256']}</code></td></tr>"
        for one in members
    )
    head = "<tr><th>Berkas <i>File</i></th><th>Bita <i>Bytes</i></th><th>SHA-256</th></tr>"
    return f"<table class=list>{head}{rows}</table>"


def _cause(cause: str) -> str:
    indonesian, english = CAUSES.get(cause, (cause, cause))
    return f"{escape(indonesian)} <i>{escape(english)}</i>"


def _time(ns: int) -> str:
    at = dt.datetime.fromtimestamp(ns // 10**9, _WIB)
    return f"{at:%Y-%m-%d %H:%M:%S}.{ns % 10**9 // 10**6:03d} WIB"


def grouped(fingerprint: str) -> str:
    """A fingerprint in groups of eight, as it is printed."""
    return " ".join(fingerprint[at : at + 8] for at in range(0, len(fingerprint), 8))


def key_sheet(fingerprint: str, host: str, at: dt.datetime) -> str:
    """The page that is printed of the installation's key."""
    rows = [
        ("Sidik kunci instalasi", "Fingerprint of the installation's key", _print(fingerprint)),
        ("Mesin", "Machine", escape(host)),
        ("Dicetak", "Printed", f"{at.astimezone(_WIB):%Y-%m-%d %H:%M} WIB"),
        ("Nama dan tanda tangan", "Name and signature", "<br><br>____________________________"),
    ]
    head = _HEAD.replace("Laporan ekspor <i>Export report</i>", "Lembar kunci <i>Key sheet</i>")
    head = head.replace("Laporan ekspor · Export report", "Lembar kunci · Key sheet")
    return head + _table(rows) + _SHEET + "</main></body></html>\n"


def _print(fingerprint: str) -> str:
    return f"<code class=key>{grouped(fingerprint)}</code>"


def _table(rows: Iterable[tuple[str, str, str]]) -> str:
    return f"<table>{''.join(f'<tr><th>{a} <i>{b}</i></th><td>{value}</td></tr>' for a, b, value in rows)}</table>"


_MASKED = "; bidang privasi ditutup <i>privacy masks applied</i>"
_NOT_ORIGINAL = (
    "<p>Turunan disandikan ulang dan bukan rekaman asli; yang dibuktikan adalah rekaman aslinya. "
    "<i>Derivatives are re-encoded and are not the original; what is proved is the original.</i></p>"
)
_NOT_CERTIFIED = "tidak disertifikasi <i>not certified</i>"
_COMPARE = (
    "<p>Bandingkan sidik kunci dengan lembar kunci tercetak milik instalasi. "
    "<i>Compare the fingerprint with the installation's printed key sheet.</i></p>"
)
_SHEET = (
    "<p>Serahkan lembar ini langsung kepada pihak yang akan memeriksa paket. Paket utuh bila "
    "<code>vms verify PAKET --key SIDIK</code> menyatakan INTACT. <i>Hand this sheet over in person. A package is "
    "intact where vms verify PACKAGE --key FINGERPRINT says INTACT.</i></p>"
)
_HOW = (
    "<h2>Memeriksa <i>To check it</i></h2><p><code>vms verify PACKAGE --key FINGERPRINT</code></p>"
    "<p>Rekaman memuat GOP utuh; daftar edit menampilkan tepat selang yang diminta. "
    "<i>Footage holds whole groups of pictures; an edit list presents just the interval that was asked for.</i></p>"
)
_HEAD = """<!doctype html>
<html lang="id"><head><meta charset="utf-8"><title>Laporan ekspor · Export report</title><style>
body{font:14px/1.45 system-ui,sans-serif;color:#111;background:#fff;margin:0}main{max-width:62rem;margin:2rem auto;
padding:0 1.5rem}h1{font-size:1.6rem}h2{font-size:1.1rem;margin:1.6rem 0 .4rem;break-after:avoid}i{color:#555;
font-style:normal;font-weight:400;font-size:.88em;margin-left:.35em}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;border-bottom:1px solid #ddd}
th{font-weight:600;white-space:nowrap}.n{text-align:right;font-variant-numeric:tabular-nums}
code{font:12px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}.key{font-size:14px}
@media print{body{font-size:10pt}main{margin:0;max-width:none}tr{break-inside:avoid}@page{margin:18mm}}
</style></head><body><main><h1>Laporan ekspor <i>Export report</i></h1>
"""
