"""Offsets in UTF-16 and UTF-8, and what is no text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.base.errors import BadValue
from plait.types.text import units
from plait.types.text.units import (
    check_text,
    from_utf8,
    from_utf16,
    to_utf8,
    to_utf16,
)

MIXED = "aé€😀z"  # 1, 2, 3 and 4 bytes in UTF-8; 1, 1, 1 and 2 units in UTF-16


def test_every_code_point_of_a_mixed_text_has_its_offsets():
    assert [to_utf16(MIXED, at) for at in range(6)] == [0, 1, 2, 3, 5, 6]
    assert [to_utf8(MIXED, at) for at in range(6)] == [0, 1, 3, 6, 10, 11]


@given(st.text(st.sampled_from("ab é\u0301€猫😀\U0010ffff\n")))
def test_offsets_there_and_back_are_the_same(text):
    for at in range(len(text) + 1):
        assert from_utf16(text, to_utf16(text, at)) == at
        assert from_utf8(text, to_utf8(text, at)) == at


@given(st.text(st.sampled_from("ab é€😀")))
def test_every_offset_is_between_characters_or_refused(text):
    starts = {to_utf8(text, at): at for at in range(len(text) + 1)}
    for offset in range(len(text.encode()) + 1):
        if offset in starts:
            assert from_utf8(text, offset) == starts[offset]
        else:
            with pytest.raises(BadValue, match="inside the character"):
                from_utf8(text, offset)


def test_an_offset_inside_a_surrogate_pair_is_refused_and_says_where():
    with pytest.raises(BadValue, match=r"UTF-16 offset 4 is inside .* U\+1F600 at 3") as caught:
        from_utf16(MIXED, 4)
    assert caught.value.details == {"offset": 4, "position": 3}


@pytest.mark.parametrize("offset", [7, 8, 9])
def test_an_offset_inside_four_bytes_is_refused_and_says_where(offset):
    with pytest.raises(BadValue, match=r"inside .* U\+1F600 at 3") as caught:
        from_utf8(MIXED, offset)
    assert caught.value.details == {"offset": offset, "position": 3}


@pytest.mark.parametrize("text", [MIXED, "plain", ""])
@pytest.mark.parametrize(
    ("convert", "length"),
    [
        (to_utf16, len),
        (to_utf8, len),
        (from_utf16, lambda text: len(text.encode("utf-16-le")) // 2),
        (from_utf8, lambda text: len(text.encode())),
    ],
)
def test_the_end_is_an_offset_and_what_is_past_it_is_none(text, convert, length):
    end = length(text)
    assert convert(text, end) in (len(text), len(text.encode()), len(text.encode("utf-16-le")) // 2)
    with pytest.raises(BadValue, match=f"past the end, which is at {end}"):
        convert(text, end + 1)


@pytest.mark.parametrize("convert", [to_utf16, to_utf8, from_utf16, from_utf8])
@pytest.mark.parametrize("offset", [-1, 1.0, True, None, "1"])
def test_an_offset_that_is_no_count_is_refused(convert, offset):
    with pytest.raises(BadValue, match="no count from 0 on"):
        convert(MIXED, offset)


@pytest.mark.parametrize("text", ["", "plain", MIXED, "\x00", "\U0010ffff"])
def test_valid_text_passes_as_it_is(text):
    assert check_text(text) is text


@pytest.mark.parametrize("value", [b"bytes", None, 7, ["a"]])
def test_what_is_no_str_is_no_text(value):
    with pytest.raises(BadValue, match=f"not {type(value).__name__}"):
        check_text(value)


@pytest.mark.parametrize("unit", [0xD800, 0xDFFF])
def test_a_lone_surrogate_is_refused_with_its_position(unit):
    with pytest.raises(BadValue, match=f"U\\+{unit:04X} at 4") as caught:
        check_text(f"😀abc{chr(unit)}d")
    assert caught.value.details == {"position": 4}


def test_text_is_measured_in_bytes_and_limited(monkeypatch):
    assert units.TEXT_BYTES_MAX == 256 * 1024 * 1024
    monkeypatch.setattr(units, "TEXT_BYTES_MAX", 8)
    assert check_text("12345678")
    assert check_text("€€12")
    for text in ("123456789", "€€€"):
        with pytest.raises(BadValue, match=r"over the limit of 8"):
            check_text(text)
