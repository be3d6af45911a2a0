"""The judge of feeds complains of a record that was tampered with."""

import pytest
from workload_runs import complaints, tampered

from plait import Receipt
from plait.line.entry import Epoch


def segment_of(feeds, watcher):
    return next(segment for segment in feeds.segments if segment.watcher == watcher)


@pytest.mark.parametrize("watcher", ["v0", "v1", "v2"])
def test_a_change_that_a_watcher_missed_is_found(watcher):
    feeds = tampered("feeds")
    del segment_of(feeds, watcher).changes[0]
    assert f"{watcher} from" in complaints(feeds)


def test_a_watch_from_the_middle_of_a_transaction_shows_all_of_it():
    feeds = tampered("feeds")
    changes = feeds.all["news-led"]
    place = next(place for place, change in enumerate(changes) if not change.last)
    segment = segment_of(feeds, "v1")
    segment.start, segment.changes = changes[place].cursor, changes[place:]
    assert complaints(feeds) == ""
    del segment.changes[0]
    assert "v1 from" in complaints(feeds)


def test_a_change_that_a_watcher_saw_twice_or_too_late_is_found():
    feeds = tampered("feeds")
    changes = segment_of(feeds, "v0").changes
    changes.append(changes[-1])
    assert "comes again, or too late" in complaints(feeds)
    changes[-1] = changes[0]
    assert "comes again, or too late" in complaints(feeds)


def test_a_change_that_only_one_watcher_saw_is_found():
    feeds = tampered("feeds")
    changes = segment_of(feeds, "v1").changes
    changes[0] = changes[0]._replace(value="another")
    assert "v1 from 0.0 of news-led: saw" in complaints(feeds)


def test_half_a_transaction_in_a_feed_is_found():
    feeds = tampered("feeds")
    changes = feeds.all["news-led"]
    place = next(place for place, change in enumerate(changes) if not change.last)
    changes[place + 1] = changes[place + 1]._replace(version=changes[place + 1].version + 1)
    assert "comes in the middle of version" in complaints(feeds)
    del changes[place]
    assert " came" in complaints(feeds)


def test_a_write_that_a_feed_lacks_or_shows_elsewhere_is_found():
    feeds = tampered("feeds")
    put = feeds.record.answered("put")[0]
    put.result = put.result._replace(version=put.result.version + 1000)
    assert f"put {put.token} came with" in complaints(feeds)


def test_a_write_that_was_refused_and_came_is_found():
    feeds = tampered("feeds")
    put = feeds.record.answered("put")[0]
    put.fate = "refused"
    assert f"{put.token} was refused for certain and came" in complaints(feeds)


def test_changes_that_do_not_make_the_rows_are_found():
    feeds = tampered("feeds")
    feeds.rows["news-led"]["a1"] = "another"
    assert "its rows" in complaints(feeds)


def test_a_cursor_that_leaves_out_what_comes_after_it_is_found():
    feeds = tampered("feeds")
    cursor = feeds.record.answered("cursor")[0]
    cursor.result = "9000.0"
    assert f"stands before cursor {cursor.token}" in complaints(feeds)


def test_writes_out_of_their_order_in_time_are_found():
    feeds = tampered("feeds")
    first, *_, last = feeds.record.answered("put", key="news-led")
    assert isinstance(first.result, Receipt)
    first.result = first.result._replace(position=last.result.position + 1, epoch=Epoch(9, "n1"))
    assert "which had ended when it began" in complaints(feeds)


def test_a_watcher_that_is_told_of_a_cut_is_found():
    feeds = tampered("feeds")
    feeds.lost = ["v0: position 7 was cut"]
    assert "though nothing may be" in complaints(feeds)
