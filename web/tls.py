"""HTTPS without anybody's help: an authority of this installation's own and a server certificate it signs.

Made once in `<data>/tls`, used again, renewed before the end or when the machine's names change. Files are replaced
whole. Blocks (keys, disk): before the loop starts, or on a thread.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vms.errors import SettingsError

CA_DAYS = 3650
SERVER_DAYS = 397  # browsers refuse more of a server's certificate
RENEW_DAYS = 30
_SKEW = dt.timedelta(hours=1)


class Certificate(Protocol):
    """What a server needs of its certificate."""

    def load(self, context: ssl.SSLContext) -> None:
        """Put certificate and key into the context; again after `refresh`."""

    def refresh(self) -> bool:
        """Renew where it is time; whether `load` has something new."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to the host."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def machine_names(host: str) -> list[str]:
    """Names and addresses under which browsers may know a server bound to `host`: for the certificate."""
    names = {"localhost", "127.0.0.1", "::1", socket.gethostname(), socket.getfqdn()}
    wildcard = host in {"", "0.0.0.0", "::"}  # noqa: S104 - compared, not bound
    if not wildcard:
        names.add(host)
    else:
        with contextlib.suppress(OSError):
            names |= {str(item[4][0]).partition("%")[0] for item in socket.getaddrinfo(socket.gethostname(), None)}
        names |= set(_routed_addresses())
    return sorted(name for name in names if name)


def _routed_addresses() -> list[str]:
    """The machine's addresses on its default routes; nothing is sent (UDP connect only asks the routing table)."""
    found: list[str] = []
    for family, target in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((target, 9))
            found.append(str(probe.getsockname()[0]))
    return found


@dataclass(frozen=True)
class GivenFiles:
    """A certificate that an admin brings."""

    certfile: Path
    keyfile: Path

    def load(self, context: ssl.SSLContext) -> None:
        """SettingsError where the files do not fit."""
        try:
            context.load_cert_chain(self.certfile, self.keyfile)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"the certificate {self.certfile} with its key cannot be used: {error}",
                hint="Both are PEM files and belong together; see tls in the settings.",
            ) from error

    def refresh(self) -> bool:
        """Always worth loading again: reading two small files twice a day costs nothing."""
        return True


class OwnAuthority:
    """`authority.pem` (key and certificate, secret), `ca.crt` (for browsers to trust), `server.pem` (key, chain)."""

    def __init__(self, folder: Path, names: Sequence[str], now: Callable[[], dt.datetime]) -> None:
        self.folder = folder
        self.names = list(names)
        self._now = now

    @property
    def ca_file(self) -> Path:
        """The authority's certificate, to be imported into browsers."""
        return self.folder / "ca.crt"

    def load(self, context: ssl.SSLContext) -> None:
        """Make what is missing, then load it."""
        self.refresh()
        context.load_cert_chain(self.folder / "server.pem")

    def refresh(self) -> bool:
        """Whether the server's certificate was made anew."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        authority = self._authority()
        if self._is_good(authority[1]):
            return False
        _write(self.folder / "server.pem", self._issue(*authority), 0o600)
        return True

    def fingerprint(self) -> str:
        """SHA-256 of the authority's certificate, as browsers show it."""
        return self._authority()[1].fingerprint(hashes.SHA256()).hex(":").upper()

    def _authority(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        path = self.folder / "authority.pem"
        try:
            data = path.read_bytes()
            key, certificate = serialization.load_pem_private_key(data, None), x509.load_pem_x509_certificate(data)
        except FileNotFoundError:
            return self._new_authority(path)
        except ValueError as error:
            raise SettingsError(
                f"{path} is damaged", hint="Restore it from a backup, or remove it: browsers must then trust a new one."
            ) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.not_valid_after_utc < self._now():
            return self._new_authority(path)
        if not self.ca_file.exists():
            _write(self.ca_file, _pem(certificate), 0o644)
        return key, certificate

    def _new_authority(self, path: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"VMS authority of {socket.gethostname()}"[:64])])
        usage = _usage(signs_certificates=True)
        certificate = (
            self._builder(name, name, key.public_key(), CA_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        _write(path, _pem_key(key) + _pem(certificate), 0o600)
        _write(self.ca_file, _pem(certificate), 0o644)
        return key, certificate

    def _builder(
        self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now() - _SKEW)
            .not_valid_after(self._now() + dt.timedelta(days=days))
        )

    def _issue(self, ca_key: ec.EllipticCurvePrivateKey, ca: x509.Certificate) -> bytes:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "VMS")])
        certificate = (
            self._builder(subject, ca.subject, key.public_key(), SERVER_DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName(_general_names(self.names)), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
            .sign(ca_key, hashes.SHA256())
        )
        return _pem_key(key) + _pem(certificate) + _pem(ca)

    def _is_good(self, ca: x509.Certificate) -> bool:
        try:
            data = (self.folder / "server.pem").read_bytes()
            serialization.load_pem_private_key(data, None)
            certificate = x509.load_pem_x509_certificate(data)
            certificate.verify_directly_issued_by(ca)
            named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (FileNotFoundError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            return False
        left = certificate.not_valid_after_utc - self._now()
        return left > dt.timedelta(days=RENEW_DAYS) and set(_general_names(self.names)) <= set(named)


def _general_names(names: Sequence[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for name in names:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            with contextlib.suppress(ValueError):  # a host name that no certificate can hold
                found.append(x509.DNSName(name))
    return found


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _pem_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, data: bytes, mode: int) -> None:
    """Replace a file whole; a secret one is never readable by others, not for a moment."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
