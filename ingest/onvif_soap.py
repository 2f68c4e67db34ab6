"""SOAP 1.2 as ONVIF devices speak it: envelopes out, answers in. Pure.

An answer is hostile until read: a document type (and with it every entity: XXE, billion laughs) is refused, as are too
many elements, too deep ones, and too much text.
"""

from __future__ import annotations

import base64
import hashlib
import xml.etree.ElementTree as ET
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from vms.errors import CameraAuthError, CameraCorruptError, CameraError, CameraUnsupportedError

ANSWER_BYTES = 512 * 1024
ELEMENTS_MAX = 20_000
DEPTH_MAX = 64
_WORDS_MAX = 160
SOAP = "http://www.w3.org/2003/05/soap-envelope"
DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
PTZ = "http://www.onvif.org/ver20/ptz/wsdl"
SCHEMA = "http://www.onvif.org/ver10/schema"
_SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_UTILITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_PROFILE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"
_ENCODING = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"


class _WrongXmlError(Exception):
    """What came is no XML that an ONVIF device may answer."""


def token_digest(nonce: bytes, created: str, password: str) -> str:
    """PasswordDigest of the UsernameToken Profile 1.0 §3.1: Base64(SHA-1(nonce + created + password))."""
    text = nonce + created.encode() + password.encode()
    return base64.b64encode(hashlib.sha1(text, usedforsecurity=False).digest()).decode("ascii")


def username_token(username: str, password: str, nonce: bytes, created: str) -> str:
    """The Security header; the password itself is not in it. `created`: UTC as the device's clock has it."""
    return (
        f'<s:Header><w:Security s:mustUnderstand="true" xmlns:w="{_SECURITY}" xmlns:u="{_UTILITY}"><w:UsernameToken>'
        f"<w:Username>{escape(username)}</w:Username>"
        f'<w:Password Type="{_PROFILE}#PasswordDigest">{token_digest(nonce, created, password)}</w:Password>'
        f'<w:Nonce EncodingType="{_ENCODING}">{base64.b64encode(nonce).decode("ascii")}</w:Nonce>'
        f"<u:Created>{created}</u:Created></w:UsernameToken></w:Security></s:Header>"
    )


def envelope(body: str, header: str = "") -> bytes:
    """A whole message around a body that is XML already."""
    spaces = f'xmlns:s="{SOAP}" xmlns:d="{DEVICE}" xmlns:m="{MEDIA}" xmlns:p="{PTZ}" xmlns:t="{SCHEMA}"'
    text = f"<s:Envelope {spaces}>{header}<s:Body>{body}</s:Body></s:Envelope>"
    return f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode()


def text_of(value: str) -> str:
    """Text between tags."""
    return escape(value)


def quoted(value: str) -> str:
    """An attribute's value with its quotes."""
    return quoteattr(value)


def read_answer(data: bytes, status: int = 200) -> ET.Element:
    """The element in the Body of an answer. CameraAuthError, CameraUnsupportedError: the device says no;
    CameraCorruptError: what came is no answer."""
    try:
        root = parse(data)
    except _WrongXmlError as error:
        if status in {401, 403}:
            raise refused_login() from None
        raise corrupt(str(error)) from None
    body = next((child for child in root if _local(child) == "Body"), None)
    if body is None or not len(body):
        if status in {401, 403}:
            raise refused_login()
        raise corrupt("its answer is empty")
    if _local(body[0]) == "Fault":
        raise _fault(body[0], status)
    return body[0]


def read_datagram(data: bytes) -> ET.Element | None:
    """A whole message that came unasked; None where it is none."""
    try:
        return parse(data)
    except _WrongXmlError:
        return None


def parse(data: bytes) -> ET.Element:
    """A tree of elements; nothing outside of it is ever read."""
    if len(data) > ANSWER_BYTES:
        raise _WrongXmlError("its answer is too large")
    reader = expat.ParserCreate(namespace_separator="}")
    builder = ET.TreeBuilder()
    count = depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count, depth
        count, depth = count + 1, depth + 1
        if count > ELEMENTS_MAX or depth > DEPTH_MAX:
            raise _WrongXmlError("its answer has too many elements")
        builder.start(f"{{{name}" if "}" in name else name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(f"{{{name}" if "}" in name else name)

    def doctype(*_: object) -> None:
        raise _WrongXmlError("its answer holds a document type")

    reader.StartElementHandler, reader.EndElementHandler = start, end
    reader.CharacterDataHandler = builder.data
    reader.StartDoctypeDeclHandler = doctype
    try:
        reader.Parse(data, True)
        return builder.close()
    except (expat.ExpatError, AssertionError, ValueError, LookupError):
        raise _WrongXmlError("its answer is no XML") from None


def find(element: ET.Element, *path: str) -> ET.Element | None:
    """The first descendant along local names: devices differ in their namespaces."""
    here: ET.Element | None = element
    for name in path:
        here = None if here is None else next((child for child in here.iter() if _local(child) == name), None)
    return here


def every(element: ET.Element, name: str) -> list[ET.Element]:
    """Descendants of that local name."""
    return [child for child in element.iter() if _local(child) == name]


def words(element: ET.Element | None, most: int = _WORDS_MAX) -> str:
    """The text of an element, fit to be shown: printable, on one line, not long."""
    text = "" if element is None else "".join(element.itertext())
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:most]


def number(element: ET.Element | None, name: str) -> float:
    """An attribute as a number, 0 where it is none."""
    try:
        value = float((element.get(name) if element is not None else None) or 0)
    except ValueError:
        return 0.0
    return value if -1000 < value < 1000 else 0.0


def corrupt(what: str) -> CameraCorruptError:
    """The device answers what cannot be read."""
    return CameraCorruptError(
        f"The ONVIF device answers wrongly: {what}.", hint="Check its ONVIF address.", reason="onvif_answer"
    )


def refused_login() -> CameraAuthError:
    """The device does not take user and password."""
    return CameraAuthError(
        "The ONVIF device refuses the user name or password.",
        hint="Many cameras have ONVIF users of their own: add the camera's user there.",
        reason="onvif_auth",
    )


def _fault(fault: ET.Element, status: int) -> CameraError:
    codes = " ".join(words(value) for value in every(fault, "Value"))
    if status == 401 or "NotAuthorized" in codes or "FailedAuthentication" in codes:
        return refused_login()
    why = words(find(fault, "Reason", "Text")) or codes or "it gives no reason"
    return CameraUnsupportedError(f"The ONVIF device refuses: {why}.", reason="onvif_fault", params={"why": why})


def _local(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]
