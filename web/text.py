"""What text a person may give: names, user names, passwords. Pure rules; raise TextError with plain words.

Everything is NFC. What cannot be seen or turns the writing direction is refused, since a name is shown everywhere.
"""

from __future__ import annotations

import unicodedata

NAME_MAX = 100
USERNAME_MAX = 64
PASSWORD_MAX = 256
PASSWORD_MIN = 8
# Joiners and the emoji selector build visible characters in many scripts; every other format character is invisible.
_JOINERS = {"\u200c", "\u200d"}
_REFUSED = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_VISIBLE = {"L", "N", "P", "S"}


class TextError(ValueError):
    """What is wrong with a text: words that go on after its name; `reason`, `params` as in VmsError."""

    def __init__(self, words: str, *, reason: str, params: dict[str, str] | None = None) -> None:
        super().__init__(words)
        self.reason = reason
        self.params = params or {}


def _too_long(limit: int) -> TextError:
    return TextError(f"is longer than {limit} characters", reason="text_long", params={"limit": str(limit)})


def _allowed(char: str) -> bool:
    return char in _JOINERS or unicodedata.category(char) not in _REFUSED


def clean_name(text: str) -> str:
    """A name for people to read: stripped, NFC, 1 to 100 characters, nothing invisible in it."""
    if len(text) > 4 * NAME_MAX:
        raise _too_long(NAME_MAX)
    name = unicodedata.normalize("NFC", text.strip())
    if not name:
        raise TextError("is empty", reason="text_empty")
    if len(name) > NAME_MAX:
        raise _too_long(NAME_MAX)
    if not all(map(_allowed, name)):
        raise TextError("holds control, direction or invisible characters", reason="text_control")
    if not any(unicodedata.category(char)[0] in _VISIBLE for char in name):
        raise TextError("holds nothing that can be seen", reason="text_empty")
    return name


def clean_text(text: str, *, limit: int) -> str:
    """A line that a person wrote: stripped, NFC, at most `limit` characters, nothing invisible in it; may be empty."""
    if len(text) > 4 * limit:
        raise _too_long(limit)
    line = unicodedata.normalize("NFC", text.strip())
    if len(line) > limit:
        raise _too_long(limit)
    if not all(map(_allowed, line)):
        raise TextError("holds control, direction or invisible characters", reason="text_control")
    return line


def clean_prose(text: str, *, limit: int) -> str:
    """Lines that a person wrote, each by the rules of `clean_text`; at most `limit` characters in all; may be empty."""
    if len(text) > 4 * limit:
        raise _too_long(limit)
    lines = [clean_text(line.rstrip("\r"), limit=limit) for line in text.strip().split("\n")]
    prose = "\n".join(lines)
    if len(prose) > limit:
        raise _too_long(limit)
    return prose


def clean_username(text: str, *, limit: int = USERNAME_MAX) -> str:
    """A user name, of a person or of a camera: NFC, at most `limit` characters, no control characters; may be empty."""
    if len(text) > limit:
        raise _too_long(limit)
    name = unicodedata.normalize("NFC", text)
    if not all(map(_allowed, name)):
        raise TextError("holds control, direction or invisible characters", reason="text_control")
    return name


def check_new_password(password: str, username: str) -> None:
    """What a person may choose: at least 8 characters, and not the user name. TextError else."""
    if len(password) < PASSWORD_MIN:
        limit = str(PASSWORD_MIN)
        raise TextError(f"is shorter than {limit} characters", reason="text_short", params={"limit": limit})
    if password.casefold() == username.casefold():
        raise TextError("is the user name", reason="password_is_name")


def clean_password(text: str) -> str:
    """A password as typed: NFC (RFC 8265 §4.2), at most 256 characters, no control characters. It is never repeated
    in the error."""
    if len(text) > PASSWORD_MAX:
        raise _too_long(PASSWORD_MAX)
    password = unicodedata.normalize("NFC", text)
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in password):
        raise TextError("holds control characters", reason="text_control")
    return password
