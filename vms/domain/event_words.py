"""How people call kinds of Events, so that a search for words finds them: both languages of the page. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from vms.domain.event import EventKind

WORDS: Mapping[EventKind, str] = {
    EventKind.CAMERA_DOWN: "kamera putus mati camera down offline",
    EventKind.SPOOL_FILLING: "penyimpanan sementara terisi spool filling",
    EventKind.SPOOL_FULL: "penyimpanan sementara penuh perekaman berhenti spool full recording stopped",
    EventKind.DISK_ERROR: "disk rekaman gagal bermasalah disk error",
    EventKind.DISK_SLOW: "disk rekaman lambat disk slow",
    EventKind.CLOCK_OFF: "jam server meleset clock off",
    EventKind.STORE_REFUSING: "penyimpanan menolak tidak menjawab store refuses away",
    EventKind.BUS_AWAY: "server pesan nats tidak tersambung message server away",
    EventKind.CATALOGUE_AWAY: "basis data tidak menjawab catalogue database away",
    EventKind.NODE_LOST: "server tidak terdengar hilang server node lost",
    EventKind.SITE_CUT_OFF: "lokasi terputus site cut off",
    EventKind.MOTION: "gerakan gerak motion movement",
    EventKind.PICTURE_BLACK: "gambar hitam gelap picture black dark",
    EventKind.PICTURE_BLURRED: "gambar kabur buram picture blurred",
    EventKind.PICTURE_COVERED: "kamera tertutup gambar tertutup camera picture covered",
    EventKind.PICTURE_MOVED: "arah kamera berubah kamera diputar camera turned moved",
    EventKind.PICTURE_FROZEN: "gambar membeku picture frozen",
}


def kinds_called(word: str) -> list[str]:
    """Kinds in whose words this one (in lower case, or a part of it) is."""
    return [kind.value for kind, words in WORDS.items() if word in words or word == kind.value]
