"""Which sink a word means: ``jsonl:FILE``, ``http://…``, ``https://…`` or ``nats://…/SUBJECT``."""

from importlib import import_module
from typing import cast

from plait.base.errors import BadSettings
from plait.sinks.jsonl import JsonlSink
from plait.sinks.sink import Sink
from plait.sinks.webhook import WebhookSink

WAYS = "jsonl:FILE, http://HOST/PATH, https://HOST/PATH or nats://HOST:PORT/SUBJECT"


def open_sink(to: str, table: str, group: str) -> Sink:
    """The sink that `to` means, for a group of consumers of `table`; `BadSettings` if none."""
    scheme, _, rest = to.partition(":")
    if scheme == "jsonl" and rest:
        return JsonlSink(rest)
    if scheme in ("http", "https"):
        return WebhookSink(to, table, group)
    if scheme in ("nats", "nats+tls"):
        try:
            module = import_module("plait.sinks.nats_subject")
        except ModuleNotFoundError as error:
            raise BadSettings(
                f'{scheme}:// needs {error.name}; remedy: pip install "plait[nats]"'
            ) from None
        return cast(Sink, module.NatsSink(to, table, group))
    raise BadSettings(f"a sink is {WAYS}")
