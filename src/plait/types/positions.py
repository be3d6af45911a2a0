"""Positions among siblings: byte strings between any two of which there is room for another.

::

    head   whole number        fraction
    0x81   05                  80 3f c1      head 0x80 + n: n bytes of a number from 0 up
    0x7f   fe                                head 0x80 - n: n bytes of a number below 0

Putting something last or first takes the next whole number, so positions stay short however many
are put in a row; a fraction is for what goes in between.

Invariant: no fraction ends in a zero byte, so there is room before it.

Source: David Greenspan, "Implementing Fractional Indexing" (2020).
"""

POSITION_BYTES_MAX = 1024
_NUMBER_BYTES_MAX = 8


def between(low: bytes | None, high: bytes | None, salt: int) -> bytes:
    """A position above `low` and below `high`; None is either end. low < high.

    `salt` sets apart what two replicas put into one place at once, so that there stays room
    between the two.
    """
    mark = bytes([salt >> 8 & 0xFF, salt & 0xFF | 1])
    if low is None:
        number = 0 if high is None else _split(high)[0] - 1
        return _whole(number) + mark
    before, start = _split(low)
    if high is None:
        return _whole(before + 1) + mark
    after, stop = _split(high)
    if after - before > 1:
        return _whole(before + 1) + mark
    return _whole(before) + _middle(start, stop if after == before else None) + mark


def is_position(data: object) -> bool:
    """Whether `between` can have given it."""
    if type(data) is not bytes or not 2 <= len(data) <= POSITION_BYTES_MAX:
        return False
    size = abs(data[0] - 0x80)
    if not 1 <= size <= _NUMBER_BYTES_MAX or len(data) <= size:
        return False
    number, fraction = _split(data)
    return data.startswith(_whole(number)) and fraction[-1:] != b"\0"


def _whole(number: int) -> bytes:
    size = max(1, ((number if number >= 0 else -number - 1).bit_length() + 7) // 8)
    if number >= 0:
        return bytes([0x80 + size]) + number.to_bytes(size, "big")
    return bytes([0x80 - size]) + (number + (1 << 8 * size)).to_bytes(size, "big")


def _split(position: bytes) -> tuple[int, bytes]:
    size = position[0] - 0x80
    end = 1 + abs(size)
    number = int.from_bytes(position[1:end], "big")
    return (number if size > 0 else number - (1 << -8 * size)), position[end:]


def _middle(low: bytes, high: bytes | None) -> bytes:
    """A fraction above `low` and below `high`, with a byte below one of high's."""
    result = bytearray()
    index = 0
    while True:
        start = low[index] if index < len(low) else 0
        stop = 256 if high is None else high[index]
        if stop - start > 1:
            result.append((start + stop) // 2)
            return bytes(result)
        result.append(start)
        if stop != start:
            high = None
        index += 1
