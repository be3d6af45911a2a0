"""What a leader knows of one follower."""

from plait.line.replication.progress import INFLIGHT_BYTES, Progress, ProgressState


def test_a_probe_never_looks_below_the_match() -> None:
    progress = Progress(tail=9, now=0.0)
    progress.match = 5
    progress.probe(2)
    assert (progress.next, progress.match) == (5, 5)
    progress.probe(7)
    assert (progress.next, progress.match) == (7, 5)


def test_what_is_on_the_way_is_bounded_and_freed_by_arrival() -> None:
    progress = Progress(tail=0, now=0.0)
    progress.replicate()
    progress.sent(3, INFLIGHT_BYTES - 1)
    assert progress.has_room
    progress.sent(4, 1)
    assert not progress.has_room
    progress.arrived(3)
    assert progress.has_room
    assert progress.inflight_bytes == 1


def test_a_probe_sends_one_message_at_a_time() -> None:
    progress = Progress(tail=0, now=0.0)
    assert progress.has_room
    progress.waiting = True
    assert not progress.has_room


def test_nothing_is_sent_while_a_copy_or_a_load_is_on_its_way() -> None:
    progress = Progress(tail=0, now=0.0)
    progress.snapshot()
    assert progress.state is ProgressState.SNAPSHOT
    assert not progress.has_room
    progress.replicate()
    progress.loading = True
    assert not progress.has_room


def test_a_new_disk_forgets_what_the_old_one_held() -> None:
    progress = Progress(tail=9, now=0.0)
    progress.match = progress.received = 9
    progress.new_disk(12, 3)
    assert progress.fresh
    assert (progress.match, progress.received) == (0, 0)
    assert (progress.admit_at, progress.admit_round) == (12, 3)
