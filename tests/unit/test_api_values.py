from hypothesis import assume, given
from hypothesis import strategies as st

from plait.api.values import ABSENT, after_prefix, bounds

keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)


@given(keys, keys)
def test_a_prefix_is_the_range_of_exactly_its_keys(prefix, key):
    assume(prefix and key)
    low, high = bounds(None, None, prefix)
    assert key.startswith(prefix) == (low <= key and (high is None or key < high))


@given(keys, keys)
def test_every_key_with_a_prefix_lies_before_its_end(prefix, rest):
    end = after_prefix(prefix)
    assert end is None or prefix + rest < end
    assert end is not None or set(prefix) <= {"\U0010ffff"}


def test_the_end_of_a_prefix_is_valid_unicode():
    assert after_prefix("a\ud7ff") == "a\ue000"
    assert after_prefix("a\U0010ffff") == "b"
    assert after_prefix("\U0010ffff") is None


def test_absent_shows_what_it_is():
    assert repr(ABSENT) == "ABSENT"
