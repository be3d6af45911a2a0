"""Sinks: where the changes of a table are delivered, transaction by transaction.

::

    table ─► consumer of a group ─► deliver ─► sink: a file, a webhook, a subject, or your own
                 position ◄──── commit ◄──── durable there

A sink of your own has `open`, `write` and `close` (`plait.sinks.Sink`). One that keeps the place of
what it has, in the same transaction, is written exactly once.
"""

from plait.sinks.delivery import deliver
from plait.sinks.jsonl import JsonlSink
from plait.sinks.opening import open_sink
from plait.sinks.sink import Mark, Sink, mark_of
from plait.sinks.webhook import WebhookSink

__all__ = ["JsonlSink", "Mark", "Sink", "WebhookSink", "deliver", "mark_of", "open_sink"]
