# ruff: noqa: PT012 (the error of a transaction is that of its whole body)

import contextlib
import inspect
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import plait.blocking
from plait.api import consumer, machine, rights, session, store, table, transaction, watch
from plait.api.settings import Leader
from plait.base.errors import BadKey, Closed, Conflict, NoSuchCollection, UsageError
from plait.blocking import rights as blocking_rights
from plait.host.portal import Portal
from plait.sinks import JsonlSink
from tests.fakes_backend import FakeBackend

TWINS = [
    (store.Store, plait.blocking.Store),
    (session.Session, plait.blocking.Session),
    (table.Table, plait.blocking.Table),
    (machine.Machine, plait.blocking.Machine),
    (transaction.Transaction, plait.blocking.Transaction),
    (transaction.TransactionTable, plait.blocking.TransactionTable),
    (watch.Watch, plait.blocking.Watch),
    (consumer.Consumer, plait.blocking.Consumer),
    (rights.Rights, blocking_rights.Rights),
]
RENAMED = {
    "aclose": "close",
    "__anext__": "__next__",
    "__aiter__": "__iter__",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
}
SPECIAL = {*RENAMED, *RENAMED.values(), "__setitem__", "__delitem__", "__getitem__", "__repr__"}


def offered(kind):
    """What a class offers, its own and inherited, by name."""
    members = {name: member for base in kind.__mro__[::-1] for name, member in vars(base).items()}
    return {
        name: member
        for name, member in members.items()
        if (not name.startswith("_") or name in SPECIAL) and member is not None
    }


@contextlib.contextmanager
def opened(backend=None):
    backend = backend or FakeBackend()

    @contextlib.asynccontextmanager
    async def open_store():
        async with store.Store(backend) as opened:
            yield opened

    with plait.blocking.Store(Portal(open_store, "test")) as blocking:
        yield blocking


@pytest.mark.parametrize(("awaited", "blocking"), TWINS, ids=lambda kind: kind.__name__)
def test_everything_that_is_awaited_has_a_twin_that_blocks(awaited, blocking):
    twins = offered(blocking)
    assert awaited.__name__ == blocking.__name__
    for name, member in offered(awaited).items():
        twin = twins[RENAMED.get(name, name)]
        if isinstance(member, property):
            assert isinstance(twin, property), name
        else:
            assert not inspect.iscoroutinefunction(twin), name
            assert shape(twin) == shape(member), name
        assert name.startswith("_") or inspect.getdoc(twin), f"{name} is not documented"


def shape(function):
    """Names, kinds and defaults of the parameters."""
    parameters = inspect.signature(function).parameters.values()
    return [(parameter.name, parameter.kind, parameter.default) for parameter in parameters]


def test_a_table_works_without_await():
    with opened() as blocking:
        films = blocking.table("films", Leader())
        first = films.put("a", 1)
        films.put("a", 2, if_version=first.version)
        films.cas("b", plait.ABSENT, {"x": 1})
        assert films.get("a") == 2
        assert films.get("z", "none") == "none"
        assert films.get_row("b").value == {"x": 1}
        assert films.get_many(["a", "z"]) == {"a": 2}
        films.delete("a")
        assert dict(films.scan()) == {"b": {"x": 1}}
        assert films.count() == 1
        ((row,), more) = films.page(prefix="b")
        assert (row.key, row.value, more) == ("b", {"x": 1}, False)
        assert blocking.session().bound(films).get("b") == {"x": 1}
        films.clear()
        assert list(films.scan()) == []
        assert (films.name, films.line, films.settings) == ("films", "leader/majority", Leader())
        assert repr(films) == "<Table 'films' on 'leader/majority'>"
        with pytest.raises(BadKey):
            films.put("", 1)
        with pytest.raises(NoSuchCollection):
            blocking.table("other")


def test_rows_may_come_from_a_scan_of_the_same_store():
    with opened() as blocking:
        one, two = blocking.table("one", Leader()), blocking.table("two", Leader())
        rows = {f"k{n:05}": n for n in range(10_000)}
        assert one.put_many(rows) == 10_000
        assert two.put_many(one.scan()) == 10_000
        assert dict(two.scan(reverse=True)) == rows
        assert [len(page) for page in two.scan_pages(limit=1500)] == [1000, 500]


def test_a_transaction_commits_at_exit_and_not_after_an_error():
    with opened() as blocking:
        films, other = blocking.table("films", Leader()), blocking.table("other", Leader())
        with films.transaction() as t:
            t["a"] = 1
            t.put("b", t.get("a") + 1)
            t.on(other)["c"] = 3
            t.expect("a", 0)
            assert list(t.scan()) == [("a", 1), ("b", 2)]
            assert films.get("a") is None
        assert t.receipt.version == 1
        with pytest.raises(ZeroDivisionError), films.transaction() as t:
            del t["a"]
            raise ZeroDivisionError
        with pytest.raises(Conflict), blocking.transaction(films, other) as t:
            t["a"] = t.get("b")
            films.put("b", 9)
        with films.transaction() as t, pytest.raises(UsageError):
            t["a"]
        assert dict(films.scan()) == {"a": 1, "b": 9}
        assert dict(other.scan()) == {"c": 3}


def test_threads_increment_a_counter_without_losing_one():
    with opened() as blocking:
        counters = blocking.table("counters", Leader())

        def increment(_):
            def body(t):
                t["n"] = t.get("n", 0) + 1

            blocking.transact(body, counters, attempts=1000)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(increment, range(20)))
        assert counters.get("n") == 20


def test_transact_gives_up_after_so_many_attempts():
    with opened() as blocking:
        films = blocking.table("films", Leader())

        def lose(t):
            t["x"] = t.get("a")
            films.put("a", 1)

        with pytest.raises(Conflict):
            blocking.transact(lose, films, attempts=2)
        assert films.get_row("a").version == 3  # after two puts and one refused command


def test_a_watch_waits_for_changes():
    with opened() as blocking:
        films = blocking.table("films", Leader())
        with films.watch() as changes:
            writing = threading.Timer(0.01, films.put, ("a", 1))
            writing.start()
            change = next(changes)
            writing.join()
            assert (change.key, change.value) == ("a", 1)
            assert changes.cursor == change.cursor == "0.1"
        assert list(changes) == []
        films.put("b", 2)
        assert next(films.watch(change.cursor)).key == "b"
        assert films.cursor() == "2.0"


def test_a_session_goes_on_from_a_token():
    backend = FakeBackend()
    with opened(backend) as blocking:
        films = blocking.table("films", Leader())
        films.put("a", 1)
        other = blocking.session(blocking.token)
        other.table("films", read="follower").get("a")
        assert backend.reads[-1][-1] == (backend.epoch, 1)
        assert other.token == blocking.token


def test_operators_are_served_too():
    with opened() as blocking:
        assert blocking.tables() == []
        assert blocking.status() == {"nodes": {"n1": {}}}
        assert blocking.promote("n2") == {"node": "n2"}
        assert blocking.switch_over("n2") == {"target": "n2"}
        assert blocking.rescued() == [{"rescued": 1}]
        blocking.flush()


def test_a_closed_store_says_so():
    backend = FakeBackend()
    with opened(backend) as blocking:
        films = blocking.table("films", Leader())
    assert backend.closed
    with pytest.raises(Closed):
        films.get("a")
    assert repr(blocking).startswith("<Store closed")
    blocking.close()


def test_a_folder_opens_without_await_and_keeps_its_rows(tmp_path):
    for expected in (None, 1):
        with plait.blocking.open(tmp_path / "data") as blocking:
            films = blocking.table("films", Leader())
            assert films.get("a") == expected
            films.put("a", 1)


def test_a_consumer_works_without_await():
    with opened() as blocking:
        films = blocking.table("films", Leader())
        totals = blocking.table("totals", Leader())
        for n in range(3):
            films.put("f", n)
        with films.consumer("sum", "0.0", owner="me") as consumer:
            assert (consumer.group, consumer.epoch, consumer.cursor) == ("sum", 1, "0.0")
            one, two, three = consumer.take()
            consumer.commit(one)
            with consumer.transaction(two) as t:
                t.on(totals).put("sum", 1)
            assert consumer.cursor == two.cursor
            with pytest.raises(ZeroDivisionError), consumer.transaction(three) as t:
                t.on(totals).put("sum", 1 // 0)
        with films.consumer("sum") as consumer:
            assert consumer.epoch == 2
            for batch in consumer:
                assert batch == three
                break
        assert totals.get("sum") == 1


def test_transactions_are_watched_without_await():
    with opened() as blocking:
        films = blocking.table("films", Leader())
        with films.transaction() as t:
            t["a"], t["b"] = 1, 2
        films.put("c", 3)
        with films.watch("0.0") as watched:
            assert not watched.ready
            batches = watched.batches()
            assert [change.key for change in next(batches).changes] == ["a", "b"]
            assert watched.ready
            assert [batch.changes[0].value for batch in watched.take(5)] == [3]


def test_changes_are_delivered_without_await(tmp_path):
    with opened() as blocking:
        films = blocking.table("films", Leader())
        films.put("a", 1)
        films.put("b", 2)
        sink = JsonlSink(tmp_path / "films.jsonl")
        assert plait.blocking.deliver(films, "archive", sink, "0.0", limit=2) == 2
        assert len((tmp_path / "films.jsonl").read_text().splitlines()) == 2


class Total(plait.StateMachine):
    def __init__(self) -> None:
        self.total = 0

    @plait.command
    def add(self, more: int) -> int:
        self.total += more
        return self.total

    @plait.query
    def read(self) -> int:
        return self.total


def test_a_store_says_what_it_has_at_once_and_links_replicas_from_elsewhere(tmp_path):
    heard = threading.Event()
    with plait.blocking.open(tmp_path) as store:
        total = store.machine("total", Total, Leader())
        assert total.add(2) == 2
        assert total.at_once("read") == 2
        assert store.here.node == "n1"
        assert not store.rights.show()["on"]
        store.documents("notes")
        with store.link_documents("notes", lambda _: heard.set(), lambda _: None) as link:
            assert heard.wait(10.0)
            assert link.info.name == "notes"
            link.say(b"nobody talks like this")
