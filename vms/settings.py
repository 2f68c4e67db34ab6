"""Settings: config/vms.yaml and VMS_* environment variables, checked and typed. config/vms.yaml is their manual.

The environment wins over the file; `__` goes a level down: VMS_RECORDER__SEGMENT_S=30. Nothing here opens anything.
"""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    IPvAnyAddress,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as EnvironmentSettingError

from vms.domain.area import AREAS_MAX, MASKS_MAX, POINTS_MAX, POINTS_MIN, THRESHOLD
from vms.domain.camera import CopyPolicy, LinePriority
from vms.domain.camera_url import AddressPolicy
from vms.domain.position import LATITUDE_MAX, LONGITUDE_MAX
from vms.errors import SettingsError

CENTER = "center"
HOME = "home"
Network = Annotated[ipaddress.IPv4Network | ipaddress.IPv6Network, BeforeValidator(ipaddress.ip_network)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TlsSettings(_Section):
    """Where the certificate comes from: `auto` makes one of an own authority when bound beyond loopback."""

    mode: Literal["auto", "off", "files"] = "auto"
    certificate: Path | None = None
    key: Path | None = None


class WebSettings(_Section):
    """The page and the API."""

    session_hours: float = Field(default=12, gt=0, le=720)
    trusted_proxies: tuple[Network, ...] = ()
    map_tiles: Path | None = None
    map_attribution: str = Field(default="", max_length=200)


class IngestSettings(_Section):
    """How cameras are pulled."""

    camera_networks: tuple[Network, ...] = ()
    refused_networks: tuple[Network, ...] = ()
    open_timeout_s: float = Field(default=5, gt=0, le=60)
    stall_s: float = Field(default=10, ge=1, le=120)
    watched_stall_s: float = Field(default=3, ge=1, le=120)
    backoff_cap_s: float = Field(default=30, ge=1, le=600)


class RecorderSettings(_Section):
    """How footage is written and how long it is kept."""

    spool: Path | None = None
    spool_limit_gb: float | None = Field(default=None, gt=0)
    segment_s: float = Field(default=60, ge=10, le=300)
    retention_days: int = Field(default=30, ge=1, le=36500)
    event_days: int = Field(default=400, ge=1, le=36500)
    store_limit_gb: float | None = Field(default=None, gt=0)
    site_limit_gb: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    camera_limit_gb: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    analysis: bool = True


class ExportSettings(_Section):
    """Packages of footage that people ask for."""

    folder: Path | None = None
    at_once: int = Field(default=2, ge=1, le=16)
    keep_days: int = Field(default=14, ge=1, le=3650)
    timestamp_url: str | None = Field(default=None, pattern=r"^https?://[^\s@]+$", max_length=500)
    timestamp_ca: Path | None = None

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.timestamp_url is None) != (self.timestamp_ca is None):
            raise ValueError("exports.timestamp_url and exports.timestamp_ca belong together")
        return self


class FolderStoreSettings(_Section):
    """A Store in a folder."""

    kind: Literal["folder"] = "folder"
    path: Path | None = None


class S3StoreSettings(_Section):
    """A Store that speaks S3 (MinIO, Ceph RGW)."""

    kind: Literal["s3"]
    endpoint: str
    bucket: str = Field(min_length=3, max_length=63)
    access_key: str
    secret_key: SecretStr
    region: str = "us-east-1"
    ca_file: Path | None = None


class CatalogueSettings(_Section):
    """Where the catalogue is: a file in the data folder, or PostgreSQL."""

    url: SecretStr | None = None
    pool: int = Field(default=10, ge=2, le=200)


class NatsSettings(_Section):
    """The NATS server of this node's own zone, and its two accounts."""

    url: str = Field(default="nats://127.0.0.1:4222", pattern=r"^(nats|tls)://[^/@\s]+$")
    ctrl_user: str = "ctrl"
    ctrl_password: SecretStr = SecretStr("")
    video_user: str = "video"
    video_password: SecretStr = SecretStr("")
    ca_file: Path | None = None


class ClusterSettings(_Section):
    """One node of several. `zone`: `center`, or the slug of the Site it stands at."""

    zone: str = Field(default="center", pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)
    nats: NatsSettings = NatsSettings()
    capacity: int = Field(default=100, ge=1, le=10_000)
    line_mbps: float | None = Field(default=None, gt=0, le=100_000)
    live_share: float = Field(default=0.75, ge=0.1, le=1.0)


class StreamerSettings(_Section):
    """Live video."""

    max_sessions: int = Field(default=200, ge=1, le=10_000)
    ports: str | None = Field(default=None, pattern=r"^[0-9]{1,5}-[0-9]{1,5}$")
    advertise: tuple[IPvAnyAddress, ...] = ()
    burst_mbps: float = Field(default=128.0, ge=1, le=10_000)
    transcodes: int = Field(default=4, ge=0, le=100)
    transcode_height: int = Field(default=720, ge=144, le=2160)
    transcode_kbps: int = Field(default=2000, ge=100, le=20_000)

    def port_range(self) -> tuple[int, int] | None:
        """First and last UDP port of viewers; None: any. SettingsError where they are no range."""
        if self.ports is None:
            return None
        first, last = (int(port) for port in self.ports.split("-"))
        if not 1024 <= first <= last <= 65535:
            raise SettingsError(
                f"streamer.ports is {self.ports}, not two ports from 1024 to 65535, the smaller first",
                hint="Write for example ports: 40000-40999.",
            )
        return first, last


Longitude = Annotated[float | None, Field(ge=-LONGITUDE_MAX, le=LONGITUDE_MAX, allow_inf_nan=False)]
Latitude = Annotated[float | None, Field(ge=-LATITUDE_MAX, le=LATITUDE_MAX, allow_inf_nan=False)]


class SiteSettings(_Section):
    """A Site to register at the first start."""

    slug: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)
    name: str = Field(min_length=1, max_length=100)
    parent: str | None = None
    home_store: str = Field(default=HOME, min_length=1, max_length=64)
    copies: CopyPolicy = CopyPolicy.ON_DEMAND
    longitude: Longitude = None
    latitude: Latitude = None


Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Points = Annotated[tuple[tuple[Share, Share], ...], Field(min_length=POINTS_MIN, max_length=POINTS_MAX)]


class AreaSettings(_Section):
    """Where motion is an Event."""

    name: str = Field(min_length=1, max_length=100)
    polygon: Points
    threshold: float = Field(default=THRESHOLD, gt=0, le=1)


class CameraSettings(_Section):
    """A Camera to register when it is not there yet; later changes are made on the page."""

    site: str
    name: str = Field(min_length=1, max_length=100)
    slug: str | None = Field(default=None, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)
    main: str
    sub: str | None = None
    username: str = ""
    password: SecretStr = SecretStr("")
    transport: Literal["tcp", "udp"] = "tcp"
    audio: bool = False
    record_sub: bool = False
    retention_days: int | None = Field(default=None, ge=1, le=36500)
    analysis: bool = True
    priority: LinePriority = LinePriority.NORMAL
    onvif: str = Field(default="", max_length=2048)
    areas: tuple[AreaSettings, ...] = Field(default=(), max_length=AREAS_MAX)
    masks: tuple[Points, ...] = Field(default=(), max_length=MASKS_MAX)
    longitude: Longitude = None
    latitude: Latitude = None


StoreSettings = Annotated[FolderStoreSettings | S3StoreSettings, Field(discriminator="kind")]


class Settings(BaseSettings):
    """All settings of a node."""

    model_config = SettingsConfigDict(
        env_prefix="VMS_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    data: Path = Path("data")
    http: str = "127.0.0.1:8080"
    metrics: str | None = None
    admin_password: SecretStr | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    tls: TlsSettings = TlsSettings()
    web: WebSettings = WebSettings()
    ingest: IngestSettings = IngestSettings()
    recorder: RecorderSettings = RecorderSettings()
    exports: ExportSettings = ExportSettings()
    streamer: StreamerSettings = StreamerSettings()
    home_store: StoreSettings = FolderStoreSettings()
    stores: dict[str, StoreSettings] = {}
    catalogue: CatalogueSettings = CatalogueSettings()
    key_file: Path | None = None
    cluster: ClusterSettings | None = None
    sites: tuple[SiteSettings, ...] = ()
    cameras: tuple[CameraSettings, ...] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before the file, which comes in as init arguments."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    def listen(self) -> tuple[str, int]:
        """Host and port of `http`; the port may be 0, which means any free one."""
        return _address("http", self.http)

    def listen_metrics(self) -> tuple[str, int] | None:
        """The same of `metrics`; None where it is not given."""
        return None if self.metrics is None else _address("metrics", self.metrics)

    def zone(self) -> str:
        """`center`, or the slug of the Site whose node this is."""
        return CENTER if self.cluster is None else self.cluster.zone

    def stands_at_site(self) -> bool:
        """Whether this is a regency's node of a cluster: its settings come from the center."""
        return self.cluster is not None and self.cluster.zone != CENTER

    def all_stores(self) -> dict[str, FolderStoreSettings | S3StoreSettings]:
        """Stores by name; `home_store` is the one named `home`."""
        if HOME in self.stores:
            raise SettingsError("stores names `home`, which is home_store", hint="Give it under home_store alone.")
        return {HOME: self.home_store, **self.stores}

    def address_policy(self) -> AddressPolicy:
        """Where cameras may be."""
        return AddressPolicy(allowed=self.ingest.camera_networks, refused=self.ingest.refused_networks)

    def spool_dir(self) -> Path:
        """Where footage is written first."""
        return self.recorder.spool or self.data / "spool"


def _address(key: str, text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise SettingsError(f"{key} is {text!r}, not HOST:PORT", hint=f"Write {key}: 127.0.0.1:8080")
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 - an empty host means every address, as asked


class _FileSettings(Settings):
    """The same without the environment."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given alone."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def load(path: Path | None, *, environment: bool = True, **overrides: Any) -> Settings:
    """Settings from a YAML file (None: the environment and defaults alone); `overrides` win over both. `environment`
    False: of an installation whose VMS_* variables are not those of this process."""
    values: dict[str, Any] = _read(path) if path is not None else {}
    given = {key: value for key, value in overrides.items() if value is not None}
    hidden = {name: os.environ.pop(name) for key in given if (name := f"VMS_{key.upper()}") in os.environ}
    try:
        return (Settings if environment else _FileSettings)(**(values | given))
    except ValidationError as error:
        lines = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
        raise SettingsError(
            "; ".join(lines), hint=f"See config/vms.yaml. Read from {path or 'the environment'}."
        ) from None
    except EnvironmentSettingError as error:
        raise SettingsError(f"the environment: {error}", hint="Lists are given as JSON there.") from None
    finally:
        os.environ.update(hidden)


def _read(path: Path) -> dict[str, Any]:
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}", hint="Give the file with --config.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        at = f" at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        raise SettingsError(f"{path} is not valid YAML{at}", hint="Compare it with config/vms.yaml.") from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise SettingsError(f"{path} is not a list of keys and values", hint="Compare it with config/vms.yaml.")
    return {str(key): value for key, value in loaded.items()}
