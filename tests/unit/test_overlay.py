"""The overlay, against a plain dict."""

from hypothesis import given, settings
from hypothesis import strategies as st

from plait.engines.overlay import Overlay
from tests.fakes import FakeState

keys = st.integers(0, 12).map(lambda n: b"%02d" % n)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), keys, st.none() | st.binary(max_size=2)),
        st.sampled_from([("freeze",), ("written",), ("stored",), ("failed",)]),
        st.tuples(st.just("scan"), keys, st.none() | keys, st.integers(1, 5), st.booleans()),
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(steps)
def test_whatever_is_flushed_reads_see_every_change(steps: list[tuple]) -> None:  # type: ignore[type-arg]
    state = FakeState()
    overlay, model, frozen, written = Overlay(state), dict[bytes, bytes](), None, False
    for step in steps:
        match step:
            case ("put", key, value):
                overlay.put(1, key, value)
                model.pop(key, None)
                if value is not None:
                    model[key] = value
            case ("freeze",) if frozen is None:
                frozen = overlay.freeze()
                assert list(frozen) == sorted(frozen, key=lambda change: change[:2])
            case ("written",) if frozen is not None:  # another thread did it; nobody knows yet
                state.write(frozen)
                written = True
            case (("stored" | "failed") as end,) if frozen is not None:
                if end == "stored":
                    state.write(frozen)
                overlay.thaw(written or end == "stored")
                frozen, written = None, False
            case ("scan", start, stop, limit, reverse):
                rows = sorted(model.items(), reverse=reverse)
                rows = [row for row in rows if row[0] >= start and (stop is None or row[0] < stop)]
                assert overlay.scan(1, start, stop, limit, reverse) == rows[:limit]
                assert overlay.get(1, start) == model.get(start)
                assert overlay.count(1) == len(model)
    assert overlay.scan(1, b"", None, 100) == sorted(model.items())


def test_many_changes_are_frozen_in_order_of_space_and_key() -> None:
    overlay = Overlay(FakeState())
    for n in range(20_000):
        overlay.put(n % 3, b"%d" % (n * 7919 % 20_000), b"v")
    changes = overlay.freeze()
    assert len(changes) == 20_000
    places = [(space, key) for space, key, _ in changes]
    assert places == sorted(places)
    assert changes[0] == (places[0][0], places[0][1], b"v")


def test_a_merging_scan_reads_storage_page_by_page() -> None:
    state = FakeState()
    state.write([(1, b"%04d" % n, b"old") for n in range(2000)])
    overlay = Overlay(state)
    for n in range(1500):
        overlay.put(1, b"%04d" % n, None)
    assert overlay.scan(1, b"", None, 2) == [(b"1500", b"old"), (b"1501", b"old")]
    assert overlay.scan(1, b"", b"1502", 9, reverse=True) == [(b"1501", b"old"), (b"1500", b"old")]
    assert overlay.count(1) == 500


def test_after_a_failed_flush_newer_changes_win_over_the_frozen_ones() -> None:
    overlay = Overlay(FakeState())
    overlay.put(1, b"a", b"old")
    overlay.put(1, b"b", b"old")
    overlay.freeze()
    overlay.put(1, b"a", b"new")
    overlay.thaw(ok=False)
    assert list(overlay.freeze()) == [(1, b"a", b"new"), (1, b"b", b"old")]
