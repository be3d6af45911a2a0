"""How a stream must be set up, and what is wrong with one that somebody else made or changed.

Invariant: a stream that passes keeps every message until Plait trims it, on the disks of a
majority of servers, and holds nothing but what is sent to its own subject. Pure: it judges the
fields of a STREAM.INFO answer, as servers document them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from plait.base.errors import BadSettings
from plait.engines.shared import Finding
from plait.line.loglet import Origin

REPLICAS = 3
ORIGIN = "plait.origin"
INCARNATION = "plait.incarnation"


class Rule(NamedTuple):
    """What one field must be."""

    field: str
    holds: Callable[[Any], bool]
    why: str
    remedy: str


def _empty(value: Any) -> bool:
    return not value


def _unlimited(value: Any) -> bool:
    return value is None or value <= 0


_EDIT = "nats stream edit --"
RULES = (
    Rule("storage", lambda v: v == "file", "entries would be lost with the servers' memory",
         "make the stream anew with storage file"),
    Rule("retention", lambda v: v in (None, "limits"), "reading would remove entries",
         "make the stream anew with retention limits"),
    Rule("max_age", _unlimited, "entries would go by age", f"{_EDIT}max-age=0"),
    Rule("max_msgs", _unlimited, "the log would stop or lose entries at that number",
         f"{_EDIT}max-msgs=-1"),
    Rule("max_bytes", _unlimited, "the log would stop or lose entries at that size",
         f"{_EDIT}max-bytes=-1"),
    Rule("max_msg_size", _unlimited, "entries above that size would be refused",
         f"{_EDIT}max-msg-size=-1"),
    Rule("discard", lambda v: v == "new", "a full stream would drop its oldest entries",
         f"{_EDIT}discard=new"),
    Rule("deny_delete", bool, "anybody could delete single entries",
         "make the stream anew with deny_delete"),
    Rule("deny_purge", _empty, "it could not be trimmed",
         "make the stream anew without deny_purge"),
    Rule("allow_rollup_hdrs", _empty, "a roll-up would remove entries", f"{_EDIT}no-allow-rollup"),
    Rule("allow_msg_ttl", _empty, "entries could go by age",
         "make the stream anew without allow_msg_ttl"),
    Rule("no_ack", _empty, "publishes would not be answered", f"{_EDIT}ack"),
    Rule("sealed", _empty, "it takes no entries", "make the stream anew"),
    Rule("mirror", _empty, "it would hold another stream's messages",
         "make the stream anew without a mirror"),
    Rule("sources", _empty, "other streams' messages would come in", f"{_EDIT}no-source"),
    Rule("subject_transform", _empty, "subjects would be changed on the way in",
         "remove the subject transform"),
    Rule("persist_mode", lambda v: v in (None, "", "default"),
         "it acknowledges before anything is on disk", "make the stream anew with the default"),
    Rule("allow_direct", bool, "older entries could not be read", f"{_EDIT}allow-direct"),
)  # fmt: skip


def stream_config(name: str, subject: str, replicas: int = REPLICAS) -> dict[str, Any]:
    """A stream that keeps whatever is sent to `subject`."""
    return {
        "name": name,
        "subjects": [subject],
        "retention": "limits",
        "storage": "file",
        "num_replicas": replicas,
        "discard": "new",
        "max_age": 0,
        "max_msgs": -1,
        "max_bytes": -1,
        "max_msg_size": -1,
        "max_msgs_per_subject": -1,
        "max_consumers": -1,
        "deny_delete": True,
        "allow_direct": True,
    }


def metadata(origin: Origin | None, incarnation: str) -> dict[str, str]:
    """What a log's stream says of itself; without an origin, a register has it or will."""
    told = "" if origin is None else ",".join(map(str, origin))
    return {ORIGIN: told, INCARNATION: incarnation}


def findings(wanted: dict[str, Any], info: dict[str, Any]) -> list[Finding]:
    """What is wrong with a stream, worst first. `wanted` is what it was to be."""
    config = info["config"]
    name = config["name"]
    found = [
        _finding(name, rule.field, config.get(rule.field), rule.why, rule.remedy)
        for rule in RULES
        if not rule.holds(config.get(rule.field))
    ]
    for field, remedy in (
        ("subjects", "edit the stream so that it takes these subjects only: {}"),
        ("max_msgs_per_subject", _EDIT + "max-msgs-per-subject={}"),
    ):
        if config.get(field) != wanted[field]:
            right = wanted[field] if isinstance(wanted[field], int) else ", ".join(wanted[field])
            why = "it would hold too little or too much"
            found.append(_finding(name, field, config.get(field), why, remedy.format(right)))
    found += _replicas(name, config.get("num_replicas", 1), info)
    return sorted(found, key=lambda one: one.severity != "refuse")


def _replicas(name: str, replicas: int, info: dict[str, Any]) -> list[Finding]:
    if replicas >= REPLICAS:
        return []
    remedy = f"{_EDIT}replicas={REPLICAS}"
    if (info.get("cluster") or {}).get("name"):
        why = "with the disk of one server acknowledged entries would be lost"
        if replicas == 2:
            why = "nothing can be appended while either server is down"
        return [_finding(name, "num_replicas", replicas, why, remedy)]
    what = f"stream {name}: num_replicas is {replicas} on a single server: its disk is the only one"
    return [Finding("warn", what, f"run three servers as a cluster, then {remedy}")]


def _finding(name: str, field: str, value: object, why: str, remedy: str) -> Finding:
    return Finding("refuse", f"stream {name}: {field} is {value!r}: {why}", remedy)


def refuse(found: list[Finding]) -> None:
    """Raise `BadSettings` if a finding is grave."""
    grave = [one for one in found if one.severity == "refuse"]
    if grave:
        raise BadSettings("; ".join(f"{one.what}; remedy: {one.remedy}" for one in grave))


def origin_of(info: dict[str, Any]) -> tuple[Origin | None, str]:
    """Where a log began, if its stream says so, and which incarnation it is.

    `BadSettings` if it is no log of ours.
    """
    told = info["config"].get("metadata") or {}
    try:
        if not told[ORIGIN]:
            return None, told[INCARNATION]
        position, epoch, records = map(int, told[ORIGIN].split(","))
        return Origin(position, epoch, records), told[INCARNATION]
    except (KeyError, ValueError):
        raise BadSettings(
            f"stream {info['config']['name']}: metadata has no {ORIGIN}, so it was not made by "
            "Plait; remedy: remove it, or use another namespace"
        ) from None
