"""Outside time stamps (RFC 3161) of packages, by an authority of the test's own: openssl behind a small HTTP server."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from typer.testing import CliRunner

from recorder.timestamping import Authority
from recorder.verify import Verdict, verify
from tests.recorder.exporting import exports
from tests.recorder.synth import START_NS, make_run, packets
from vms.cli import app
from vms.domain.interval import Interval

S = 1_000_000_000
WINDOW = Interval(START_NS, START_NS + 3 * S)
CONFIG = """[tsa]
default_tsa = one
[one]
serial = {folder}/serial
default_policy = 1.2.3.4.1
signer_digest = sha256
digests = sha256, sha512
accuracy = secs:1
"""


@dataclass
class Tsa:
    """An authority that answers, and how it does: `broken` answers rubbish."""

    authority: Authority
    folder: Path
    broken: bool = False

    def reply(self, query: bytes) -> bytes:
        """By openssl."""
        if self.broken:
            return b"no time"
        (self.folder / "query").write_bytes(query)
        command = ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-signer", "tsa.pem"]
        command += ["-inkey", "tsa.key", "-out", "reply"]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
        return (self.folder / "reply").read_bytes()


def certificates(folder: Path) -> None:
    """A root, and the authority's own below it."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    named = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("Test root", "Test authority")]
    now = dt.datetime.now(dt.UTC)

    def begun(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(named[0]).public_key(public)
        made = made.serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(days=1))
        made = made.not_valid_after(now + dt.timedelta(days=9))
        identifier = x509.SubjectKeyIdentifier.from_public_key(public)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
        return made.add_extension(identifier, critical=False).add_extension(issuer, critical=False)

    root = begun(named[0], root_key.public_key()).add_extension(x509.BasicConstraints(True, None), critical=True)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    own = begun(named[1], key.public_key()).add_extension(x509.BasicConstraints(False, None), critical=True)
    own = own.add_extension(usage, critical=True)
    pem = serialization.Encoding.PEM
    (folder / "root.pem").write_bytes(root.sign(root_key, hashes.SHA256()).public_bytes(pem))
    (folder / "tsa.pem").write_bytes(own.sign(root_key, hashes.SHA256()).public_bytes(pem))
    plain = serialization.NoEncryption()
    (folder / "tsa.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))


@pytest.fixture
def tsa(tmp_path: Path) -> Iterator[Tsa]:
    """An authority on a free port."""
    folder = tmp_path / "tsa"
    folder.mkdir()
    certificates(folder)
    (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))
    (folder / "serial").write_text("01")
    made = Tsa(Authority("", folder / "root.pem"), folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = made.reply(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_words: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.authority = replace(made.authority, url=f"http://127.0.0.1:{server.server_port}/tsr")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield made
        server.shutdown()
        thread.join()


async def test_an_outside_time_stamp_is_proved_offline(tmp_path: Path, tsa: Tsa) -> None:
    """By the given root or the package's; it cannot be changed, removed or swapped; a missing one is said."""
    async with exports(tmp_path) as made:
        run = make_run()
        await made.shelf.record(run, packets(run, seconds=4), segment_s=3)
        key = made.key.fingerprint
        plain = await made.package(WINDOW, tmp_path / "plain.zip")
        made.exporter._parts = replace(made.exporter._parts, authority=tsa.authority)
        before = dt.datetime.now(dt.UTC).timestamp()
        package = await made.package(WINDOW, tmp_path / "package.zip")
        tsa.broken = True
        without = await made.package(WINDOW, tmp_path / "without.zip")
    found = verify(package, key, tsa=(tsa.folder / "root.pem").read_bytes())
    assert (found.verdict, found.notes) == (Verdict.INTACT, [])
    assert found.timestamp is not None
    assert found.timestamp.authority == "CN=Test authority"
    assert abs(found.timestamp.at_ns / S - before) < 30
    assert verify(package, key).timestamp == found.timestamp
    said = CliRunner().invoke(app, ["verify", str(package), "--key", key]).output
    assert "CN=Test authority says that it was there at" in said
    assert verify(plain, key).timestamp is None
    lacking = verify(without, key)
    assert (lacking.verdict, lacking.timestamp, len(lacking.notes)) == (Verdict.INTACT, None, 1)
    (tmp_path / "other").mkdir()
    certificates(tmp_path / "other")
    other = verify(package, key, tsa=(tmp_path / "other" / "root.pem").read_bytes())
    assert [change.member for change in other.changes] == ["manifest.tsr"]
    for change in ("removed", "edited", "added"):
        out = tmp_path / change
        with zipfile.ZipFile(plain if change == "added" else package) as archive:
            archive.extractall(out)
        stamp = out / "manifest.tsr"
        if change == "removed":
            stamp.unlink()
        elif change == "added":
            shutil.copy(tmp_path / "edited" / "manifest.tsr", stamp)
        else:
            data = bytearray(stamp.read_bytes())
            data[-40] ^= 1
            stamp.write_bytes(data)
        changed = verify(out, key)
        assert (changed.verdict, [one.member for one in changed.changes]) == (Verdict.CHANGED, ["manifest.tsr"]), change
