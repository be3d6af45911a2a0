"""`plait.toml`: how a node is told who it is, and how flags override it.

::

    [node]
    name = "n1"
    data = "data/n1"            # relative to the file
    listen = "127.0.0.1:7401"   # default: this node's address among the members
    zone = "eu"                 # where this node is, while the cluster does not know
    audit_log = "audit.jsonl"   # who did what; audit_writes = true: who wrote, too
    insecure = false            # listen on a public address even without TLS or rights
    machines = ["bank.machines:Bank"]   # state machines' classes, MODULE:CLASS

    [cluster]
    name = "plait"
    leader = "n1"               # who leads first; default: the first name in alphabetical order

    [cluster.members]
    n1 = "10.0.0.1:7401"
    n2 = "10.0.0.2:7401"

    [tls]                       # none: nothing is encrypted
    ca = "certs/ca.pem"         # the three of `plait certs`, relative to the file
    cert = "certs/node-n1.pem"
    key = "certs/node-n1.key"

    [history]                   # none: the past is what logs still reach back to
    keep = "7d"                 # how much of it can be read: 12h, 7d, all
    folder = "/mnt/archive"     # where; default: in the node's own folder

    [resp]                      # Redis's protocol
    listen = "127.0.0.1:6379"
    databases = ["leader", "consensus", "eventual"]   # how database 0, 1, 2 ... is kept
    prefixes = { "cart:" = 2 }  # keys that begin so are of that database

    [limits]
    log_keep_bytes = 67108864   # any of `plait.node.config.Limits`

Every mistake names the file, the key and what to do. An unknown key is a mistake: it is a
misspelt one more often than not.
"""

import difflib
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from plait.base.errors import BadSettings
from plait.doors.resp.settings import RespSettings
from plait.host.address import split_address
from plait.host.tls import Tls
from plait.node.config import DEFAULT_CLUSTER, Limits, NodeConfig
from plait.node.history_settings import history_of

DEFAULT_LISTEN = "127.0.0.1:7401"
DEFAULT_NAME = "n1"

_KEYS = {
    "node": (
        "name",
        "data",
        "listen",
        "zone",
        "machines",
        "audit_log",
        "audit_writes",
        "insecure",
    ),
    "cluster": ("name", "leader", "members", "engine"),
    "limits": Limits.__struct_fields__,
    "tls": Tls.__struct_fields__,
    "history": ("keep", "folder"),
    "resp": ("listen", *RespSettings.__struct_fields__),
}


class Choices(msgspec.Struct, frozen=True):
    """What was chosen, by file or by flags; None where nothing was."""

    data: Path | None = None
    name: str | None = None
    listen: str | None = None
    members: dict[str, str] | None = None
    leader: str | None = None
    cluster: str | None = None
    machines: tuple[str, ...] | None = None  # MODULE:CLASS
    engine: str | None = None  # the URL of a shared engine that orders everything
    zone: str | None = None
    limits: Limits | None = None
    tls: Tls | None = None
    audit_log: Path | None = None
    audit_writes: bool | None = None
    insecure: bool | None = None
    history: str | None = None  # how much of the past is kept
    archive: Path | None = None  # and where
    resp: str | None = None  # where Redis's protocol is spoken
    resp_settings: RespSettings | None = None

    def over(self, other: "Choices") -> "Choices":
        """These choices, and `other`'s where these have none."""
        fields = self.__struct_fields__
        chosen = {f: getattr(self, f) for f in fields if getattr(self, f) is not None}
        return msgspec.structs.replace(other, **chosen)


def read_config(path: Path) -> Choices:
    """The choices in a file; `BadSettings` says which key is wrong and what to write."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise BadSettings(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"{path}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise BadSettings(f"{path}: not TOML: {error}") from None
    _known(path, "", document, tuple(_KEYS))
    node, cluster, limits, tls, history, resp = (_section(path, document, name) for name in _KEYS)
    data = _text(path, "node.data", node.get("data"))
    audit_log = _text(path, "node.audit_log", node.get("audit_log"))
    archive = _text(path, "history.folder", history.get("folder"))
    members = cluster.get("members")
    if members is not None:
        if not isinstance(members, dict):
            raise BadSettings(
                f'{path}: cluster.members: write a table [cluster.members] with n1 = "HOST:PORT"'
            )
        for name, address in members.items():
            _address(path, f"cluster.members.{name}", address)
    return Choices(
        data=None if data is None else path.parent / data,
        name=_text(path, "node.name", node.get("name")),
        listen=_address(path, "node.listen", node.get("listen")),
        members=members,
        leader=_text(path, "cluster.leader", cluster.get("leader")),
        cluster=_text(path, "cluster.name", cluster.get("name")),
        machines=_texts(path, "node.machines", node.get("machines")),
        engine=_text(path, "cluster.engine", cluster.get("engine")),
        zone=_text(path, "node.zone", node.get("zone")),
        limits=_limits(path, limits),
        tls=_tls(path, tls),
        audit_log=None if audit_log is None else path.parent / audit_log,
        audit_writes=_switch(path, "node.audit_writes", node.get("audit_writes")),
        insecure=_switch(path, "node.insecure", node.get("insecure")),
        history=_text(path, "history.keep", history.get("keep")),
        archive=None if archive is None else path.parent / archive,
        resp=_address(path, "resp.listen", resp.get("listen")),
        resp_settings=_resp(path, resp),
    )


def parse_members(text: str) -> dict[str, str]:
    """``n1=HOST:PORT,n2=HOST:PORT`` as a mapping; `BadSettings` if it is none."""
    members: dict[str, str] = {}
    for part in text.split(","):
        name, equals, address = (piece.strip() for piece in part.partition("="))
        if not equals or not name:
            raise BadSettings(f"--members: {part!r} is not NAME=HOST:PORT")
        if name in members:
            raise BadSettings(f"--members: {name} is named twice")
        split_address(address)
        members[name] = address
    return members


def node_config(choices: Choices) -> NodeConfig:
    """The node that was chosen, with defaults for the rest."""
    if choices.data is None:
        raise BadSettings('no data folder: add --data DIR, or data = "DIR" under [node] in a file')
    members = choices.members or {}
    if members and choices.name is None:
        raise BadSettings("with members this node needs a name: add --name, one of the members'")
    name = choices.name or DEFAULT_NAME
    listen = choices.listen or members.get(name, DEFAULT_LISTEN)
    split_address(listen)
    return NodeConfig(
        data=choices.data, name=name, listen=listen, members=members,
        leader=choices.leader, cluster=choices.cluster or DEFAULT_CLUSTER,
        engine=choices.engine or "", zone=choices.zone or "", limits=choices.limits or Limits(),
        tls=choices.tls, audit_log=choices.audit_log, audit_writes=bool(choices.audit_writes),
        insecure=bool(choices.insecure), history=history_of(choices.history, choices.archive),
    )  # fmt: skip


def _section(path: Path, document: dict[str, Any], name: str) -> dict[str, Any]:
    section = document.get(name, {})
    if not isinstance(section, dict):
        raise BadSettings(f"{path}: {name}: write a section [{name}]")
    _known(path, f"{name}.", section, _KEYS[name])
    return section


def _limits(path: Path, section: dict[str, Any]) -> Limits:
    for key, value in section.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise BadSettings(f"{path}: limits.{key}: write a number, not {value!r}")
    try:
        return msgspec.convert(section, Limits)
    except msgspec.ValidationError as error:
        raise BadSettings(f"{path}: limits: {error}") from None


def _resp(path: Path, section: dict[str, Any]) -> RespSettings:
    chosen = {key: value for key, value in section.items() if key != "listen"}
    try:
        settings = msgspec.convert(chosen, RespSettings)
        settings.check()
    except (msgspec.ValidationError, BadSettings) as error:
        raise BadSettings(f"{path}: resp: {error}") from None
    return settings


def _tls(path: Path, section: dict[str, Any]) -> Tls | None:
    if not section:
        return None
    files = {}
    for key in Tls.__struct_fields__:
        text = _text(path, f"tls.{key}", section.get(key))
        if text is None:
            raise BadSettings(f"{path}: tls.{key}: missing; ca, cert and key go together")
        files[key] = path.parent / text
    return Tls(**files)


def _known(path: Path, prefix: str, section: dict[str, Any], names: tuple[str, ...]) -> None:
    for key in section:
        if key not in names:
            close = difflib.get_close_matches(key, names, 1)
            advice = f"did you mean {close[0]}?" if close else f"there are {', '.join(names)}"
            raise BadSettings(f"{path}: {prefix}{key}: unknown; {advice}")


def _text(path: Path, key: str, value: Any) -> str | None:
    if value is not None and (not isinstance(value, str) or not value):
        raise BadSettings(f"{path}: {key}: write a text in quotes, not {value!r}")
    return value


def _switch(path: Path, key: str, value: Any) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise BadSettings(f"{path}: {key}: write true or false, not {value!r}")
    return value


def _texts(path: Path, key: str, value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(text, str) and text for text in value):
        raise BadSettings(f'{path}: {key}: write a list of texts, like ["bank.machines:Bank"]')
    return tuple(value)


def _address(path: Path, key: str, value: Any) -> str | None:
    text = _text(path, key, value)
    if text is not None:
        try:
            split_address(text)
        except BadSettings as error:
            raise BadSettings(f"{path}: {key}: {error.message}") from None
    return text
