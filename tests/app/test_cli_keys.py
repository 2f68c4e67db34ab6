"""`vms keys` and what `vms export` refuses, on a data folder of their own."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from recorder.package_pages import grouped
from vms import datadir
from vms.cli import app
from vms.domain.node import NodeSigningKey
from vms.errors import InputError, SettingsError
from vms.proof.certificate import certificate, certified_by
from vms.proof.keys import NodeKey
from vms.store import Catalogue

NODE = NodeKey.of_seed(b"n" * 32)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder that was started once, with the key of one node in its catalogue."""
    folder = tmp_path / "data"
    opened = datadir.open_data_dir(folder)
    installation = datadir.installation_key(folder, make=True)
    assert installation is not None

    async def fill() -> None:
        catalogue = await Catalogue.open(f"sqlite:///{folder}/catalogue.db", key=opened.key)
        word = certificate(installation, opened.node, NODE.public)
        await catalogue.unsigned.add_key(NodeSigningKey(NODE.fingerprint, opened.node, NODE.public, 1, word))
        await catalogue.close()

    asyncio.run(fill())
    opened.close()
    return folder


def run(*arguments: str) -> str:
    """What the command says; what it raises."""
    done = CliRunner().invoke(app, list(arguments))
    if done.exception is not None:
        raise done.exception
    return done.output


def test_the_key_is_shown_printed_kept_and_replaced(data: Path, tmp_path: Path) -> None:
    """Its file and every copy are the owner's alone; the sheet has the fingerprint and nothing secret."""
    before = datadir.installation_key(data, make=False)
    assert before is not None
    assert stat.S_IMODE((data / datadir.INSTALLATION_KEY).stat().st_mode) == 0o600
    said = run("keys", "show", "--data", str(data))
    assert grouped(before.fingerprint) in said
    assert f"{grouped(NODE.fingerprint)}  certified" in said
    sheet, copy = tmp_path / "sheet.html", tmp_path / "copy.pem"
    run("keys", "sheet", str(sheet), "--data", str(data))
    assert grouped(before.fingerprint) in sheet.read_text()
    assert before.public not in sheet.read_text()
    run("keys", "backup", str(copy), "--data", str(data))
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert NodeKey.of_pem(copy.read_bytes()).fingerprint == before.fingerprint
    with pytest.raises(SettingsError, match="cannot write"):
        run("keys", "backup", str(copy), "--data", str(data))
    with pytest.raises(SettingsError, match="has a key already"):
        run("keys", "new", "--data", str(data))
    run("keys", "rotate", "--data", str(data))
    after = datadir.installation_key(data, make=False)
    assert after is not None
    assert after.fingerprint != before.fingerprint
    (kept,) = data.glob("installation-*.key")
    assert NodeKey.of_pem(kept.read_bytes()).fingerprint == before.fingerprint
    assert f"certified by {grouped(before.fingerprint)}" in run("keys", "show", "--data", str(data))


def test_a_certificate_is_for_one_node_and_one_key() -> None:
    """For another node, another key, or changed, it is none."""
    installation, node = NodeKey.of_seed(bytes(32)), "node222222222222"
    word = certificate(installation, node, NODE.public)
    assert certified_by(word, node, NODE.public) == installation.fingerprint
    for text, whose, key in (
        (word, "node333333333333", NODE.public),
        (word, node, installation.public),
        (word.replace("a", "b"), node, NODE.public),
        ("", node, NODE.public),
        ("[]", node, NODE.public),
        ('{"installation":"zz","signature":"zz"}', node, NODE.public),
    ):
        assert certified_by(text, whose, key) is None


def test_an_export_needs_somebody_to_make_it(data: Path, tmp_path: Path) -> None:
    """Where nothing runs, where the file is there, where there is no such camera: said at once."""
    out = tmp_path / "out.zip"
    times = ["--from", "2026-01-31T08:00:00Z", "--to", "2026-01-31T08:01:00Z", "--reason", "Kasus 12"]
    wanted = ["export", "sampit-pasar-01", *times, "--data", str(data), "--out", str(out)]
    with pytest.raises(SettingsError, match="nothing runs here"):
        run(*wanted)
    opened = datadir.open_data_dir(data)
    try:
        with pytest.raises(InputError, match="no account"):
            run(*wanted)
        out.touch()
        with pytest.raises(InputError, match="is there already"):
            run(*wanted)
    finally:
        opened.close()


def test_the_audit_log_is_verified_at_the_command_line(data: Path) -> None:
    """What the command line does is in the node's own log; exit codes are those of vms verify."""
    run("keys", "rotate", "--data", str(data))
    done = CliRunner().invoke(app, ["audit", "verify", "--data", str(data)])
    assert (done.exit_code, "1 entries, none changed" in done.output) == (3, True)
    with closing(sqlite3.connect(data / "catalogue.db")) as connection, connection:
        connection.execute("UPDATE audit SET person = 'nobody'")
    done = CliRunner().invoke(app, ["audit", "verify", "--data", str(data), "--key", NODE.fingerprint])
    assert done.exit_code == 1
    assert "entry 1 was edited" in done.output
    assert "keys.rotate" in done.output
