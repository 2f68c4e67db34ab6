"""The configuration of a NATS server: the hub of the center, or the leaf of a regency.

Two accounts that never hold each other up: CTRL (requests, rows, leases; JetStream) and VIDEO (live video alone). A
leaf has a connection to the hub for each.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

HUB_DOMAIN = "hub"


@dataclass(frozen=True)
class Env:
    """A value that the server takes from its environment."""

    name: str


Text = str | Env


@dataclass(frozen=True)
class Tls:
    """Files in PEM. The hub has certificate and key; a leaf the authority that it believes."""

    certificate: str = ""
    key: str = ""
    authority: str = ""


@dataclass(frozen=True)
class NatsServer:
    """`domain`: `hub`, or the regency's slug. `remotes`: URLs `nats-leaf://user:password@host:port` of the hub for CTRL
    and VIDEO, empty at the hub itself, which listens for leafs on `leaf_listen`. Addresses are HOST:PORT."""

    domain: str
    listen: str
    monitor: str
    folder: str
    ctrl_password: Text
    video_password: Text
    leaf_listen: str = ""
    remotes: tuple[Text, Text] | tuple[()] = ()
    tls: Tls = Tls()
    file_store: str = "10GB"

    def render(self) -> str:
        """The text of its configuration file."""
        return _TEMPLATE.format(
            role="The hub at the center." if not self.remotes else f"The leaf of {self.domain}.",
            name=_text(self.domain),
            listen=_text(self.listen),
            monitor=_text(self.monitor),
            folder=_text(self.folder),
            file_store=self.file_store,
            ctrl=_text(self.ctrl_password),
            video=_text(self.video_password),
            leafs="\n".join(f"  {line}" for line in (self._leafs() if self.remotes else self._hub())),
        )

    def _hub(self) -> list[str]:
        lines = [f"listen: {_text(self.leaf_listen)}"]
        if self.tls.certificate:
            files = f"cert_file: {_text(self.tls.certificate)}, key_file: {_text(self.tls.key)}, timeout: 10"
            lines.append(f"tls {{ {files} }}")
        return lines

    def _leafs(self) -> list[str]:
        lines = ["# Tried again every second; the first answer may take some round trips of a slow line.", "remotes: ["]
        lines.insert(1, 'reconnect: "1s"')
        for url, account, compression in zip(self.remotes, ("CTRL", "VIDEO"), ("s2_auto", "off"), strict=True):
            tls = f", tls {{ ca_file: {_text(self.tls.authority)}, timeout: 10 }}" if self.tls.authority else ""
            patience = 'first_info_timeout: "5s"'
            lines.append(
                f"  {{ urls: [{_text(url)}], account: {account}, compression: {compression}, {patience}{tls} }}"
            )
        return [*lines, "]"]


def _text(value: Text) -> str:
    return f"${value.name}" if isinstance(value, Env) else json.dumps(value)


_TEMPLATE = """\
# {role} Made by tools/cluster; passwords come from the environment.
server_name: {name}
listen: {listen}
http: {monitor}

# A dead line is noticed within seconds, and what waits for it is thrown away rather than delivered old.
ping_interval: "2s"
ping_max: 2
write_deadline: "3s"
write_timeout: close
max_payload: 4MB
max_pending: 16MB

jetstream {{
  store_dir: {folder}
  domain: {name}
  # Acknowledged means written: by default that would be up to two minutes later.
  sync_interval: always
  max_memory_store: 64MB
  max_file_store: {file_store}
}}

accounts {{
  CTRL {{ jetstream: enabled, users: [ {{ user: ctrl, password: {ctrl} }} ] }}
  VIDEO {{ users: [ {{ user: video, password: {video} }} ] }}
}}

leafnodes {{
{leafs}
}}
"""
