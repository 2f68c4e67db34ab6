"""Cameras by file: what becomes of each line, what a dry run leaves alone, taking back, export, bad files."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.web.conftest import OTHER_SITE, SITE, World
from tests.web.sheet_files import file_of
from tests.web.test_cameras import add
from tests.web.test_rights import signed_in
from vms.domain.rights import Grant, PersonRole

ROOT = Path(__file__).parents[2]
PATH = "/api/cameras/import"
SECRET = "hunter22hunter"


async def send(client: httpx.AsyncClient, text: str | bytes, query: str = "", kind: str = "text/csv") -> dict[str, Any]:
    """Import, and give the answer back."""
    answer = await post(client, text, query, kind)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def post(client: httpx.AsyncClient, text: str | bytes, query: str = "", kind: str = "text/csv") -> httpx.Response:
    """Import, whatever comes of it."""
    data = text.encode() if isinstance(text, str) else text
    return await client.post(f"{PATH}{query}", content=data, headers={"Content-Type": kind})


def reasons(answer: dict[str, Any]) -> list[str]:
    """The first reason of each line that is refused."""
    return [line["faults"][0]["reason"] for line in answer["lines"] if line["fate"] == "refused"]


async def test_a_thousand_cameras_with_a_hundred_broken_lines(world: World, admin: httpx.AsyncClient) -> None:
    """Bar E6: 900 in, 100 explained by line and column, the dry run changes nothing; once more changes nothing."""
    data, wrong = file_of(1000, 100)
    before = await world.snapshot()
    tried = await send(admin, data, "?dry_run=true")
    assert await world.snapshot() == before
    assert (tried["applied"], tried["new"], tried["refused"], tried["undo"]) == (False, 900, 100, None)
    told = {
        line["line"]: (fault["column"], fault["place"], fault["reason"])
        for line in tried["lines"]
        for fault in line["faults"]
    }
    assert told == wrong
    done = await send(admin, data)
    assert (done["applied"], done["new"], done["refused"]) == (True, 900, 100)
    cameras = await world.catalogue.cameras.list()
    assert len(cameras) == 900
    assert sorted(camera.number or 0 for camera in cameras) == list(range(1, 901))
    one = next(camera for camera in cameras if camera.name == "Kamera 2")
    assert (one.slug, one.password, one.retention_days) == ("sampit-kamera-2", "rahasia-2", 30)
    assert [stream.url for stream in one.streams] == ["rtsp://10.20.0.1/main", "rtsp://10.20.0.1/sub"]
    again = await send(admin, data)
    assert (again["new"], again["changed"], again["unchanged"], again["refused"]) == (0, 0, 900, 100)
    assert await world.catalogue.cameras.list() == cameras
    entries, _ = await world.catalogue.audit.list()
    named = [slug for entry in entries if entry.action == "camera.import" for slug in entry.detail["cameras"]]
    assert sorted(named) == sorted(camera.slug for camera in cameras)
    assert "rahasia" not in repr(tried) + repr(done) + repr(entries)


async def test_a_camera_is_changed_by_what_the_file_names(world: World, admin: httpx.AsyncClient) -> None:
    """Columns that are not there stay as they are, the password too; an empty sub stream is taken away."""
    camera = await add(admin, retention_days=30)
    text = f"slug;name;sub;aktif\n{camera['slug']};Pasar Baru;;tidak\n"
    done = await send(admin, b"\xef\xbb\xbf" + text.encode())
    assert [(line["fate"], sorted(line["fields"])) for line in done["lines"]] == [
        ("changed", ["enabled", "name", "streams"])
    ]
    after = await world.catalogue.cameras.get(camera["id"])
    assert after is not None
    assert (after.name, after.enabled, after.password, after.retention_days) == ("Pasar Baru", False, SECRET, 30)
    assert [stream.ref.name.value for stream in after.streams] == ["main"]


async def test_a_kept_password_is_not_sent_elsewhere(admin: httpx.AsyncClient) -> None:
    """A new host wants the password again, also by file."""
    camera = await add(admin)
    done = await send(admin, f"slug,main,sub\n{camera['slug']},rtsp://10.9.9.9/main,\n")
    assert reasons(done) == ["password_again"]


async def test_all_or_nothing_is_a_choice(world: World, admin: httpx.AsyncClient) -> None:
    """With one line refused nothing is registered."""
    text = "site,name,main\nsampit,A,rtsp://10.0.0.1/a\nsampit,B,rtsp://10.0.0.1/a\n"
    held = await send(admin, text, "?whole=true")
    assert (held["applied"], held["new"], reasons(held)) == (False, 1, ["sheet_address_line"])
    assert await world.catalogue.cameras.list() == []


async def test_an_import_is_taken_back_once(world: World, admin: httpx.AsyncClient) -> None:
    """What was new goes, what was changed is as before; what somebody changed since stays."""
    old = await add(admin)
    text = "site,slug,name,main\n" + "".join(
        f"sampit,{slug},{name},{url}\n"
        for slug, name, url in (
            (old["slug"], "Nama lain", "rtsp://10.0.0.5/main"),
            ("sampit-a", "A", "rtsp://10.0.0.1/a"),
            ("sampit-b", "B", "rtsp://10.0.0.2/b"),
        )
    )
    done = await send(admin, text)
    assert (done["new"], done["changed"]) == (2, 1)
    b = next(line["camera"] for line in done["lines"] if line["name"] == "B")
    assert (await admin.patch(f"/api/cameras/{b}", json={"rev": 1, "name": "B baru"})).status_code == 200
    undo = f"{PATH}/{done['undo']}/undo"
    assert (await admin.post(undo, json={})).json() == {"undone": 2, "kept": 1}
    left = {camera.slug: camera for camera in await world.catalogue.cameras.list()}
    assert {slug: camera.name for slug, camera in left.items()} == {old["slug"]: old["name"], "sampit-b": "B baru"}
    assert left[old["slug"]].password == SECRET
    gone = await admin.post(undo, json={})
    assert (gone.status_code, gone.json()["reason"]) == (404, "sheet_undo_gone")


async def test_sites_are_made_where_that_was_asked(world: World, admin: httpx.AsyncClient) -> None:
    """Below the one that is named, once for all lines; a line that is refused makes none."""
    text = (
        "site,parent,name,main\nMentaya Hulu,sampit,A,rtsp://10.0.0.1/a\nMentaya Hulu,,B,rtsp://10.0.0.1/b\n"
        "Antang,sampit,C,http://10.0.0.1/c\n"
    )
    assert reasons(await send(admin, text, "?dry_run=true")) == ["site_gone"] * 3
    done = await send(admin, text, "?make_sites=true")
    assert [(site["slug"], site["name"]) for site in done["sites"]] == [("mentaya-hulu", "Mentaya Hulu")]
    sites = {site.slug: site for site in await world.catalogue.sites.list()}
    assert set(sites) == {"sampit", "kapuas", "mentaya-hulu"}
    assert sites["mentaya-hulu"].parent == SITE.id
    assert {camera.site for camera in await world.catalogue.cameras.list()} == {sites["mentaya-hulu"].id}


async def test_an_admin_of_one_site_imports_there_alone(world: World, admin: httpx.AsyncClient) -> None:
    """Other sites and their cameras are as if they were not there; the export holds one's own."""
    other = await add(admin, site=OTHER_SITE.id, name="Kapuas 1")
    await add(admin)
    async with signed_in(world, Grant(PersonRole.ADMIN, SITE.id)) as client:
        text = (
            "site,slug,name,main\nsampit,,A,rtsp://10.0.0.1/a\nkapuas,,B,rtsp://10.0.0.1/b\n"
            f"sampit,{other['slug']},C,rtsp://10.0.0.1/c\nBaru,,D,rtsp://10.0.0.1/d\n"
        )
        done = await send(client, text, "?make_sites=true")
        assert [line["fate"] for line in done["lines"]] == ["new", "refused", "refused", "refused"]
        assert reasons(done)[1:] == ["slug_taken", "no_right"]
        rows = csv.DictReader(io.StringIO((await client.get("/api/cameras/export")).content.decode("utf-8-sig")))
        assert {row["site"] for row in rows} == {"sampit"}
    unchanged = await world.catalogue.cameras.get(other["id"])
    assert unchanged is not None
    assert unchanged.rev == 1


@pytest.mark.parametrize("form", ["csv", "yaml"])
async def test_what_is_exported_is_imported_unchanged(admin: httpx.AsyncClient, form: str) -> None:
    """Names that look like formulas come back as they were; a spreadsheet gets none; no password leaves."""
    names = ["=1+1", "@SUM(A1)", "+62 812", "'quoted", 'Pasar, Besar; "Sampit"', "Kamera 🎥 é", "no", "0123"]
    for number, name in enumerate(names):
        urls = [{"name": "main", "url": f"rtsp://u:{SECRET}@10.0.1.{number}/m"}]
        await add(admin, name=name, streams=urls, longitude=113.9172, latitude=-2.2086)
    answer = await admin.get(f"/api/cameras/export?format={form}")
    assert SECRET not in answer.text
    assert answer.headers["content-disposition"].startswith('attachment; filename="cameras-')
    if form == "csv":
        cells = [cell for row in csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))) for cell in row]
        assert not [cell for cell in cells if cell[:1] in "=+@" and cell]
        assert "-2.2086" in cells
    else:
        assert {camera["name"] for camera in yaml.safe_load(answer.content)["cameras"]} == set(names)
    kind = "text/csv" if form == "csv" else "application/yaml"
    done = await send(admin, answer.content, "?dry_run=true", kind)
    assert (done["unchanged"], len(done["lines"])) == (len(names), len(names)), done["lines"]


BAD_FILES: list[tuple[bytes, str, str]] = [
    (b"", "text/csv", "sheet_empty"),
    (b"\r\n ;;\r\n", "text/csv", "sheet_empty"),
    ("site,name\n".encode("utf-16"), "text/csv", "sheet_no_utf8"),
    (b"\xff\xfe,\xfd\n", "text/csv", "sheet_no_utf8"),
    (b"site,colour\n", "text/csv", "sheet_heading_unknown"),
    (b"name,nama,main\n", "text/csv", "sheet_heading_twice"),
    (b"site,main\n", "text/csv", "sheet_no_key"),
    (b'site,"name\n', "text/csv", "sheet_heading"),
    (b"site,name,main\n" + b"a,b,c\n" * 5001, "text/csv", "sheet_rows"),
    (b"PK\x03\x04\x00\x00\x00", "text/csv", "sheet_no_utf8"),
    (b"", "application/yaml", "sheet_empty"),
    (b"cameras: [}", "application/yaml", "sheet_yaml"),
    (b"\xff", "application/yaml", "sheet_no_utf8"),
    (b"cameras: !!python/object/apply:os.system ['id']", "application/yaml", "sheet_yaml_plain"),
    (b"a: &a [x, x]\nb: &b [*a, *a]\ncameras: [*b]", "application/yaml", "sheet_yaml_plain"),
    (b"[" * 500_000, "application/yaml", "sheet_yaml_plain"),
    (b"cameras: []\ncameras: []", "application/yaml", "sheet_yaml_plain"),
    (b"cameras: {a: b}", "application/yaml", "sheet_yaml_list"),
    (b"cameras: []\nadmin_password: x", "application/yaml", "sheet_yaml_others"),
    (b"--- []\n--- []", "application/yaml", "sheet_yaml_plain"),
    (b"x", "application/yaml", "sheet_yaml_list"),
]


@pytest.mark.parametrize(("data", "kind", "reason"), BAD_FILES, ids=range(len(BAD_FILES)))
async def test_what_is_no_such_file_is_refused(
    world: World, admin: httpx.AsyncClient, data: bytes, kind: str, reason: str
) -> None:
    """422 with the reason, and nothing changed; the text of the file is not repeated."""
    before = await world.snapshot()
    answer = await post(admin, data, "", kind)
    assert (answer.status_code, answer.json()["reason"]) == (422, reason)
    assert "os.system" not in answer.text
    assert await world.snapshot() == before


BAD_LINES = [
    ("sampit,A", "sheet_cells"), ("sampit,A,rtsp://10.0.0.1/a,,x", "sheet_cells"),
    ("sampit,A,rtsp://10.0.0.1/a,maybe", "sheet_yes_no"),
    ('sampit,"A"B,rtsp://10.0.0.1/a,', "sheet_quote"), ("sampit," + "x" * 9000 + ",rtsp://10.0.0.1/a,", "text_long"),
    ("sampit," + "x" * 40_000 + ",rtsp://10.0.0.1/a,", "sheet_line_long"),
    ("sampit,A\u202eB,rtsp://10.0.0.1/a,", "text_control"),
    ("sampit,A,-i,", "url_scheme"), ("sampit,A,rtsp://169.254.169.254/x,", "url_address"),
    (",A,rtsp://10.0.0.1/a,", "sheet_no_site"),
    ("sampit,A,rtsp://10.0.0.1/a?tcp,", "url_option"), ('sampit,A,"rtsp://10.0.0.1/a\0",', "url_control"),
    ("kapuas'; DROP TABLE sites;--,A,rtsp://10.0.0.1/a,", "site_gone"),
    ("sampit," + "x" * 101 + ",rtsp://10.0.0.1/a,", "text_long"),
]  # fmt: skip


async def test_each_bad_line_is_refused_for_itself(admin: httpx.AsyncClient) -> None:
    """Whatever stands in them, the lines around them are in; bytes that are no UTF-8 spoil their line alone."""
    text = "site,name,main,audio\nsampit,First,rtsp://10.0.0.9/1,ya\n" + "".join(f"{line}\n" for line, _ in BAD_LINES)
    data = text.encode() + b"sampit,\xff\xfe,rtsp://10.0.0.1/a,\nsampit,Last,rtsp://10.0.0.9/2,tidak\n"
    done = await send(admin, data)
    assert reasons(done) == [reason for _, reason in BAD_LINES] + ["sheet_line_no_utf8"]
    assert [line["name"] for line in done["lines"] if line["fate"] == "new"] == ["First", "Last"]


async def test_yaml_says_where_too(admin: httpx.AsyncClient) -> None:
    """Line and character of the value; keys that are not known, values that are none; numbers as they stand."""
    text = (
        "cameras:\n  - site: sampit\n    name: 0123\n    main: rtsp://10.0.0.1/a\n    audio: perhaps\n"
        "  - {site: sampit, name: B, main: [rtsp://10.0.0.1/b], colour: red}\n  - plain\n"
        "  - {site: sampit, name: 0123, main: rtsp://10.0.0.1/c, retention_days: 30}\n"
    )
    done = await send(admin, text, "", "application/yaml")
    told = [[(f["line"], f["place"], f["reason"]) for f in line["faults"]] for line in done["lines"]]
    assert told == [
        [(5, 12, "sheet_yes_no")], [(6, 35, "sheet_value"), (6, 56, "sheet_key")], [(7, 0, "sheet_entry")], [],
    ]  # fmt: skip
    assert done["lines"][3]["name"] == "0123"


@pytest.mark.parametrize(("name", "kind"), [("csv", "text/csv"), ("yaml", "application/yaml")])
async def test_the_examples_are_such_files(admin: httpx.AsyncClient, name: str, kind: str) -> None:
    """Both that are shipped, with a site of their name there."""
    data = (ROOT / f"config/cameras.example.{name}").read_bytes()
    tried = await send(admin, data, "?dry_run=true", kind)
    assert (tried["new"], tried["refused"]) == (2, 0)


async def test_other_bodies_are_refused(admin: httpx.AsyncClient) -> None:
    """Only files of cameras, of a few megabytes; and a file is for this address alone."""
    assert (await admin.post(PATH, json={})).status_code == 415
    assert (await post(admin, b"x" * 4_000_001)).status_code == 413
    headers = {"Content-Type": "text/csv"}
    assert (await admin.post("/api/cameras", content=b"a", headers=headers)).status_code == 415
    assert (await admin.get("/api/cameras/export?format=xlsx")).status_code == 422
    assert (await admin.get("/api/cameras/export?site=zz")).status_code == 422
