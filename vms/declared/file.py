"""What a file declares. Pure: nothing is asked of the catalogue yet.

Cameras are the rows of a Sheet (web/sheet/); the others are checked against models of their own. What a file does not
name stays as it is. No secret stands in one but the passwords of cameras, and those need not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from vms.domain.event import EventKind
from vms.domain.rights import PersonRole
from vms.errors import SettingsError
from vms.settings import SiteSettings
from web.schemas_alarms import ScheduleBody
from web.sheet.rows import Row
from web.sheet.yaml_rows import rows_of
from web.sheet.yaml_tree import Tree, read_yaml
from web.text import clean_name, clean_username

SECTIONS = ("sites", "cameras", "people", "rules")
_SlugText = Annotated[str, Field(min_length=1, max_length=60)]
_Name = Annotated[str, AfterValidator(clean_name)]
_Seconds = Annotated[int, Field(ge=0, le=86_400)]


class _Wish(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


class GrantWish(_Wish):
    """A role at a site and all below it; without a site: everywhere."""

    role: PersonRole
    site: _SlugText | None = None
    until: str | None = None


class PersonWish(_Wish):
    """An account. What is left out stays as it is."""

    username: Annotated[str, Field(min_length=1), AfterValidator(clean_username)]
    name: _Name | None = None
    language: Literal["id", "en"] | None = None
    enabled: bool | None = None
    grants: tuple[GrantWish, ...] | None = None


class RuleWish(_Wish):
    """A rule of alarms, by its name; sites and cameras by their short names. What is left out stays as it is."""

    name: _Name
    kinds: Annotated[tuple[EventKind, ...], Field(min_length=1)] | None = None
    enabled: bool | None = None
    sites: tuple[_SlugText, ...] | None = None
    cameras: tuple[_SlugText, ...] | None = None
    schedule: ScheduleBody | None = None
    min_duration_s: _Seconds | None = None
    priority: Literal[1, 2, 3] | None = None
    sound: bool | None = None
    alarm_tile: bool | None = None
    display_s: _Seconds | None = None
    cooldown_s: _Seconds | None = None


_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Declared:
    """A file. None: it says nothing about these, so that nothing of them is pruned either."""

    sites: tuple[SiteSettings, ...] | None = None
    cameras: tuple[Row, ...] | None = None
    people: tuple[PersonWish, ...] | None = None
    rules: tuple[RuleWish, ...] | None = None


def read_declared(data: bytes, others: Mapping[str, object]) -> Declared:
    """The file. `others`: keys that may stand in it and are the business of a node's start (vms/settings.py).
    SettingsError, SheetError."""
    tree = read_yaml(data)
    if tree.entries is None:
        raise SettingsError("the file is no mapping", hint=f"Its keys are {', '.join(SECTIONS)}.")
    for key in tree.entries:
        if key not in SECTIONS and key not in others:
            line = tree.keys[key][0]
            raise SettingsError(f"line {line}: this key is not known", hint=f"Known are {', '.join(SECTIONS)}.")
    given = tree.entries
    return Declared(
        _models(given.get("sites"), SiteSettings, "slug"),
        None if "cameras" not in given else tuple(rows_of(given["cameras"])),
        _models(given.get("people"), PersonWish, "username"),
        _models(given.get("rules"), RuleWish, "name"),
    )


def _models(tree: Tree | None, model: type[_Model], key: str) -> tuple[_Model, ...] | None:
    if tree is None:
        return None
    if tree.text == "":
        return ()
    if tree.items is None:
        raise SettingsError(f"line {tree.line}: a list is wanted here")
    found: dict[str, _Model] = {}
    for item in tree.items:
        try:
            made = model.model_validate(item.value)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            words = f"line {_line_of(item, first['loc'])}: {where} {str(first['msg']).removeprefix('Value error, ')}"
            raise SettingsError(words.replace("  ", " "), hint="Correct it.") from None
        name = str(getattr(made, key))
        if name in found:
            raise SettingsError(f"line {item.line}: {key} {name!r} is there already", hint="Name each once.")
        found[name] = made
    return tuple(found.values())


def _line_of(tree: Tree, location: tuple[int | str, ...]) -> int:
    """The line of what is wrong, as deep as it can be followed."""
    at = tree
    for part in location:
        below = None
        if at.entries is not None and isinstance(part, str):
            below = at.entries.get(part)
        elif at.items is not None and isinstance(part, int) and part < len(at.items):
            below = at.items[part]
        if below is None:
            break
        at = below
    return at.line
