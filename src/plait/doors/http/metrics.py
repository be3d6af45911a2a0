"""A node's status, and the door's own counts, in Prometheus' text form.

Everything is read when it is asked for; nothing is kept here. Names end in their unit, and what
only grows in ``_total``. Invariant: a label is a line, a collection, a peer, or a state of few
values: what grows with data is no label.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

if TYPE_CHECKING:
    from plait.doors.http.door import Door

CONTENT_TYPE = CONTENT_TYPE_LATEST

# name, what it says, where it stands in a line's status
_LINE_GAUGES = (
    ("plait_line_tail_position", "the next entry's position", ("tail",)),
    ("plait_line_durable_position", "on this node's disk below it", ("durable",)),
    ("plait_line_committed_position", "committed below it", ("committed",)),
    ("plait_line_applied_position", "applied here below it", ("applied",)),
    ("plait_line_flushed_position", "in the state on disk below it", ("flushed",)),
    ("plait_line_head_position", "the first entry that is kept", ("head",)),
    ("plait_line_lag_records", "records behind the commit", ("lag", "records")),
    ("plait_line_lag_bytes", "bytes behind the commit", ("lag", "bytes")),
    ("plait_line_lag_seconds", "seconds behind the commit", ("lag", "seconds")),
    ("plait_line_sessions", "exactly-once sessions", ("sessions",)),
    ("plait_line_rescued", "suffixes that promotions cut away", ("rescued",)),
    ("plait_line_proposals_under_way", "groups without an outcome", ("commits", "under_way")),
)
_LINE_COUNTERS = (
    ("plait_line_commits", "groups committed that were proposed here", ("commits", "groups")),
    ("plait_line_commit_seconds", "what those took", ("commits", "seconds")),
    ("plait_line_conflicts", "commands that lost their race", ("commits", "conflicts")),
    ("plait_line_slots_broken", "followers that fell behind too far", ("slots_broken",)),
)
_FOLLOWER_GAUGES = (
    ("plait_follower_lag_records", "records behind the leader", ("lag", "records")),
    ("plait_follower_lag_bytes", "bytes behind the leader", ("lag", "bytes")),
    ("plait_follower_lag_seconds", "seconds behind the leader", ("lag", "seconds")),
)
_DOCUMENTS_GAUGES = (
    ("plait_documents", "documents", ("documents",)),
    ("plait_documents_events", "events seen", ("events",)),
    ("plait_documents_unstable_events", "events that some member may lack", ("unstable",)),
    ("plait_documents_unsent_messages", "said to nobody yet", ("unsent_messages",)),
    ("plait_documents_quarantined_batches", "from clocks ahead", ("quarantined_batches",)),
    ("plait_documents_unflushed_rows", "not in the state on disk yet", ("unflushed_rows",)),
    ("plait_documents_not_durable_rows", "not on disk yet", ("not_durable_rows",)),
    ("plait_documents_history_bytes", "history that is kept", ("history_bytes",)),
)
_NODE_GAUGES = (
    ("plait_uptime_seconds", "since the start", ("uptime_s",)),
    ("plait_memory_bytes", "of this process", ("memory_bytes",)),
    ("plait_disk_free_bytes", "on the node's disk", ("disk", "free_bytes")),
    ("plait_log_queue", "writes that wait for a group commit", ("log_commits", "waiting")),
)
_NODE_COUNTERS = (
    ("plait_log_commits", "group commits, an fsync each", ("log_commits", "groups")),
    ("plait_log_commit_seconds", "what those took", ("log_commits", "seconds")),
)


def exposition(status: dict[str, Any], door: "Door", waiting: Mapping[str, int]) -> bytes:
    """The text for one scrape: of every node in a status that it has, with its name.

    waiting: how many decisions wait, by collection of documents.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(status, door, waiting))
    return generate_latest(registry)


class _Collector:
    def __init__(self, status: dict[str, Any], door: "Door", waiting: Mapping[str, int]) -> None:
        self._waiting = waiting
        self._nodes = {name: node for name, node in status["nodes"].items() if "lines" in node}
        self._door = door

    def collect(self) -> Iterator[Metric]:
        """Every family."""
        yield from self._families(GaugeMetricFamily, _NODE_GAUGES, (), self._of_nodes)
        yield from self._families(CounterMetricFamily, _NODE_COUNTERS, (), self._of_nodes)
        yield from self._families(GaugeMetricFamily, _LINE_GAUGES, ("line",), self._of_lines)
        yield from self._families(CounterMetricFamily, _LINE_COUNTERS, ("line",), self._of_lines)
        peers = ("line", "follower")
        yield from self._families(GaugeMetricFamily, _FOLLOWER_GAUGES, peers, self._of_followers)
        named = ("collection",)
        yield from self._families(GaugeMetricFamily, _DOCUMENTS_GAUGES, named, self._of_documents)
        yield from self._states()
        yield self._latency()
        yield from self._own()

    def _of_nodes(self) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
        for name, node in self._nodes.items():
            yield (name,), node

    def _of_lines(self) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
        for name, node in self._nodes.items():
            for line, status in node["lines"].items():
                yield (name, line), status

    def _of_followers(self) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
        for (name, line), status in self._of_lines():
            for follower, one in status.get("followers", {}).items():
                yield (name, line, follower), one

    def _of_documents(self) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
        for name, node in self._nodes.items():
            for collection, status in node["documents"].items():
                yield (name, collection), status

    def _families(
        self, kind: Any, wanted: Any, labels: tuple[str, ...], source: Any
    ) -> Iterator[Metric]:
        for name, about, path in wanted:
            family = kind(name, about, labels=("node", *labels))
            for values, status in source():
                if (number := _at(status, path)) is not None:
                    family.add_metric(values, number)
            yield family

    def _states(self) -> Iterator[Metric]:
        """Roles and reigns: an epoch's number grows with every election or promotion."""
        labels = ("node", "line")
        leads = GaugeMetricFamily("plait_line_leads", "whether it leads here", labels=labels)
        reigns = CounterMetricFamily(
            "plait_line_elections", "elections and promotions that the line has seen",
            labels=labels,
        )  # fmt: skip
        halted = GaugeMetricFamily("plait_line_halted", "whether it stopped here", labels=labels)
        for values, status in self._of_lines():
            leads.add_metric(values, status.get("role") == "leader")
            number = str(status.get("epoch", "")).partition(".")[0]
            if number.isdigit():
                reigns.add_metric(values, int(number))
            halted.add_metric(values, "halted" in status)
        read_only = GaugeMetricFamily("plait_read_only", "takes no writes", labels=("node",))
        link = GaugeMetricFamily("plait_link_up", "another node answers", labels=("node", "peer"))
        for name, node in self._nodes.items():
            read_only.add_metric((name,), node.get("read_only") is not None)
            for peer, up in node.get("links", {}).items():
                link.add_metric((name, peer), up is True)
        yield from (leads, reigns, halted, read_only, link)

    def _latency(self) -> Metric:
        """From a group's being proposed here to its being applied."""
        family = HistogramMetricFamily(
            "plait_line_commit_latency_seconds", "what groups took that were proposed here",
            labels=("node", "line"),
        )  # fmt: skip
        for values, status in self._of_lines():
            commits = status.get("commits", {})
            if within := commits.get("within"):
                buckets = [(str(bound), count) for bound, count in within]
                family.add_metric(
                    values, [*buckets, ("+Inf", commits["groups"])], commits["seconds"]
                )
        return family

    def _own(self) -> Iterator[Metric]:
        door = self._door
        waiting = GaugeMetricFamily(
            "plait_documents_open_conflicts", "registers that wait for a decision",
            labels=("collection",),
        )  # fmt: skip
        for collection, count in self._waiting.items():
            waiting.add_metric((collection,), count)
        yield waiting
        yield GaugeMetricFamily("plait_http_requests_under_way", "requests", door.under_way)
        yield GaugeMetricFamily("plait_http_watches", "watches under way", door.watches)
        yield GaugeMetricFamily("plait_http_sockets", "sockets open", len(door.sockets))
        answers = CounterMetricFamily(
            "plait_http_answers", "answers, by the first digit of their status",
            labels=("status",),
        )  # fmt: skip
        for status, count in door.answered.items():
            answers.add_metric((status,), count)
        yield answers
        yield CounterMetricFamily("plait_http_seconds", "what they took", door.answered_s)


def _at(status: dict[str, Any], path: tuple[str, ...]) -> float | None:
    found: Any = status
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return float(found) if isinstance(found, int | float) else None
