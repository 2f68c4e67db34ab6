"""The log of alarms as a table for a spreadsheet: RFC 4180, with a byte order mark, times in WIB. Pure."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable

from web.report import WIB, plain
from web.schemas import NamedOut
from web.schemas_alarms import AlarmOut
from web.times import parse_time

HEADS = {
    "en": "raised,began,over,priority,state,kind,site,camera,node,rule,times,late,raised_by,note,taken_by,taken,remark",
    "id": "dibunyikan,mulai,selesai,prioritas,keadaan,jenis,lokasi,kamera,node,aturan,kali,terlambat,dibunyikan_oleh,"
    "catatan,diambil_oleh,diambil,keterangan",
}


def as_csv(alarms: Iterable[AlarmOut], language: str) -> str:
    """A line per alarm. Text that a spreadsheet would take for a formula gets an apostrophe (OWASP, CSV injection)."""
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out)
    writer.writerow(HEADS.get(language, HEADS["en"]).split(","))
    writer.writerows(map(_line, alarms))
    return out.getvalue()


def _line(alarm: AlarmOut) -> list[str | int]:
    taken, event = alarm.acknowledgement, alarm.event
    return [
        _wib(alarm.raised),
        _wib(event.start) if event else "",
        _wib(alarm.over) if alarm.over else "",
        alarm.priority,
        alarm.state.value,
        alarm.kind,
        plain(alarm.site.name) if alarm.site else "",
        _name(alarm.camera),
        _name(alarm.node),
        _name(alarm.rule),
        alarm.times,
        int(alarm.late),
        _name(alarm.raised_by),
        plain(alarm.note),
        _name(taken.by) if taken else "",
        _wib(taken.at) if taken else "",
        plain(taken.note) if taken else "",
    ]


def _name(named: NamedOut | None) -> str:
    return "" if named is None else plain(named.name or named.id)


def _wib(time: str) -> str:
    """2026-11-24T21:05:03+07:00."""
    at_s = parse_time(time, "time") // 1_000_000_000
    return dt.datetime.fromtimestamp(at_s, WIB).isoformat()
