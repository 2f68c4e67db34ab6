"""Settings and the data folder: what is read, what wins, and what a person is told when it is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from vms import datadir, settings
from vms.errors import SettingsError

MANUAL = Path(__file__).parents[2] / "config" / "vms.yaml"


def _keys(model: type, prefix: str = "") -> set[str]:
    found: set[str] = set()
    for name, field in model.model_fields.items():  # type: ignore[attr-defined]
        found.add(prefix + name)
        default = field.default
        if hasattr(type(default), "model_fields"):
            found |= _keys(type(default), f"{prefix}{name}.")
    return found


def test_manual_is_complete() -> None:
    """Every setting stands in config/vms.yaml, commented out or not."""
    text = MANUAL.read_text(encoding="utf-8")
    words = set(re.findall(r"^\s*#?\s*-?\s*([a-z_]+):", text, re.MULTILINE))
    leaves = {key.rsplit(".", 1)[-1] for key in _keys(settings.Settings)}
    for model in (settings.S3StoreSettings, settings.FolderStoreSettings, settings.CameraSettings):
        leaves |= set(model.model_fields)
    assert leaves - words == set()


def test_manual_holds_the_defaults() -> None:
    """The manual loaded as it stands is the defaults, sites apart."""
    loaded = settings.load(MANUAL)
    assert loaded.model_dump(exclude={"sites"}) == settings.Settings().model_dump(exclude={"sites"})
    assert [site.slug for site in loaded.sites if site.parent] == [
        "palangka-raya", "sampit", "pangkalan-bun", "muara-teweh", "kapuas",
    ]  # fmt: skip


def test_environment_wins_over_file_and_argument_over_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Argument, then environment, then file."""
    file = tmp_path / "vms.yaml"
    file.write_text("http: 127.0.0.1:1\ndata: /from/file\nrecorder: {segment_s: 20, retention_days: 3}\n")
    monkeypatch.setenv("VMS_HTTP", "127.0.0.1:2")
    monkeypatch.setenv("VMS_RECORDER__SEGMENT_S", "30")
    loaded = settings.load(file)
    assert loaded.listen() == ("127.0.0.1", 2)
    assert loaded.data == Path("/from/file")
    assert (loaded.recorder.segment_s, loaded.recorder.retention_days) == (30, 3)
    assert settings.load(file, http="127.0.0.1:3").listen() == ("127.0.0.1", 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("htpp: x", "htpp"),
        ("recorder: {segment_s: 5}", "segment_s"),
        ("recorder: [1]", "recorder"),
        ("a: [", "not valid YAML at line 1"),
        ("- 1", "not a list of keys"),
        ("cameras: [{site: sampit, name: x}]", "main"),
        ("data: !!python/object/apply:os.system [true]", "not valid YAML"),
        ("home_store: {kind: tape}", "home_store"),
    ],
)
def test_wrong_file_is_told_by_key_or_line(tmp_path: Path, text: str, said: str) -> None:
    """A wrong file gives one error that names the key or the line."""
    file = tmp_path / "vms.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=re.escape(said)):
        settings.load(file)


def test_errors_never_show_a_secret(tmp_path: Path) -> None:
    """A wrong camera beside a password does not print the password."""
    file = tmp_path / "vms.yaml"
    file.write_text(yaml.safe_dump({"cameras": [{"site": "s", "name": "n", "password": "hunter2", "transport": "x"}]}))
    with pytest.raises(SettingsError) as caught:
        settings.load(file)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("http", ["", "nonsense", "host:port", "127.0.0.1:70000"])
def test_wrong_address_is_refused(http: str) -> None:
    """`http` must be HOST:PORT."""
    with pytest.raises(SettingsError):
        settings.load(None, http=http).listen()


def test_data_dir_keeps_identity_and_excludes_a_second(tmp_path: Path) -> None:
    """Id and key stay the same over restarts; while one process holds the folder, another is refused."""
    first = datadir.open_data_dir(tmp_path / "data")
    with pytest.raises(SettingsError, match="another vms process"):
        datadir.open_data_dir(tmp_path / "data")
    first.close()
    again = datadir.open_data_dir(tmp_path / "data")
    again.close()
    assert (again.node, again.key) == (first.node, first.key)
    assert (tmp_path / "data" / "secret.key").stat().st_mode & 0o077 == 0


def test_damaged_key_is_said(tmp_path: Path) -> None:
    """A key of the wrong length stops the start instead of encrypting with it."""
    (tmp_path / "secret.key").write_bytes(b"short")
    with pytest.raises(SettingsError, match="not a key"):
        datadir.open_data_dir(tmp_path)
