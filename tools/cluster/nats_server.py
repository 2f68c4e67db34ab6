"""The configuration of a NATS server: the hub of the center, or the leaf of a regency.

Two accounts that never hold each other up: CTRL (requests, rows, leases; JetStream) and VIDEO (live video alone). A
leaf has a connection to the hub for each. What a regency may say and hear at the hub is its own alone: `LeafRights`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
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


_SAYS = ("event.>", "ingest.line.>", "ingest.state.>", "node.alive", "ptz.>", "recorder.state")
_ANSWERS = (
    "ingest.ack.>", "ingest.snapshot.>", "ingest.states.ask", "ingest.unwatch.>", "ingest.watch.>", "ingest.ptz.>",
    "recorder.checkpoint.>", "recorder.cut.>", "recorder.hot.>", "recorder.range.>", "analysis.>", "cameras.changed",
    "ptz.>",
)  # fmt: skip


@dataclass(frozen=True)
class LeafRights:
    """A regency's user at the hub, one in each account: `ctrl-SLUG` and `video-SLUG`. It reads the settings that are
    for it, its own facts of the center's, and answers to itself; it answers for its cameras and tells of itself. It
    hears no other regency's rows, requests, answers or video, and asks nothing of another."""

    slug: str
    password: Text

    def users(self) -> tuple[str, str]:
        """The lines of the two accounts."""
        hub, slug = f"$JS.{HUB_DOMAIN}.API.CONSUMER", self.slug
        publish = [
            f"_INBOX.{HUB_DOMAIN}.>",
            "$JS.ACK.>",
            f"{hub}.CREATE.SETTINGS.*.settings.all.>",
            f"{hub}.CREATE.SETTINGS.*.settings.{slug}.>",
            f"{hub}.CREATE.CENTER_FACTS.*.center.facts.{slug}",
            f"{hub}.MSG.NEXT.SETTINGS.*",
            f"{hub}.MSG.NEXT.CENTER_FACTS.*",
            *_SAYS,
        ]
        subscribe = [
            f"_INBOX.{slug}.>",
            f"$JS.{slug}.API.>",
            f"$JS.ACK.FACTS.center_{slug}.>",
            f"$JS.ACK.{slug}.>",
            f"ingest.probe.{slug}",
            f"ingest.onvif.{slug}",
            f"ingest.discover.{slug}",
            f"ingest.describe.{slug}",
            f"recorder.stored.{slug.replace('-', '_')}",
            *_ANSWERS,
        ]
        video = f"media.{slug}.>"
        return (
            self._user("ctrl", publish, subscribe),
            self._user("video", ["media.center.>", video, "ready.>"], [video, "ready.>"]),
        )

    def _user(self, account: str, publish: Sequence[str], subscribe: Sequence[str]) -> str:
        def allow(subjects: Sequence[str]) -> str:
            return "{ allow: [" + ", ".join(json.dumps(one) for one in subjects) + "] }"

        rights = f"publish: {allow(publish)}, subscribe: {allow(subscribe)}"
        user = json.dumps(f"{account}-{self.slug}")
        return f"{{ user: {user}, password: {_text(self.password)}, permissions: {{ {rights} }} }}"


@dataclass(frozen=True)
class NatsServer:
    """`domain`: `hub`, or the regency's slug. `remotes`: URLs `nats-leaf://user:password@host:port` of the hub for CTRL
    and VIDEO, empty at the hub itself, which listens for leafs on `leaf_listen` and knows them by `leaf_users`.
    Addresses are HOST:PORT."""

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
    leaf_users: tuple[LeafRights, ...] = ()

    def render(self) -> str:
        """The text of its configuration file."""
        return _TEMPLATE.format(
            role="The hub at the center." if not self.remotes else f"The leaf of {self.domain}.",
            name=_text(self.domain),
            listen=_text(self.listen),
            monitor=_text(self.monitor),
            folder=_text(self.folder),
            file_store=self.file_store,
            ctrl=self._users("ctrl", self.ctrl_password, 0),
            video=self._users("video", self.video_password, 1),
            leafs="\n".join(f"  {line}" for line in (self._leafs() if self.remotes else self._hub())),
        )

    def _users(self, name: str, password: Text, account: int) -> str:
        users = [f"{{ user: {name}, password: {_text(password)} }}", *(one.users()[account] for one in self.leaf_users)]
        return users[0] if len(users) == 1 else "\n    " + "\n    ".join(users) + "\n  "

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
  CTRL {{ jetstream: enabled, users: [ {ctrl} ] }}
  VIDEO {{ users: [ {video} ] }}
}}

leafnodes {{
{leafs}
}}
"""
