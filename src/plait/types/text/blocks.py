"""Numbers as bytes, and blocks of bytes made smaller.

Numbers are varints: seven bits a byte, least first. A block is compressed in the way that makes it
smallest.

Invariant: what is unpacked is no larger than it says, and no larger than `BLOCK_BYTES_MAX`; bytes
that nothing packs to raise `BadFrame`.
"""

import bz2
import lzma
import zlib
from collections.abc import Iterable

from plait.base.errors import BadFrame

BLOCK_BYTES_MAX = 1 << 30  # unpacked
NUMBER_MAX = 1 << 53

_PLAIN, _ZLIB, _BZ2, _LZMA = 0, 1, 2, 3
_TINY = 32  # bytes; nothing makes so few fewer
_SMALL = 2048  # bytes; not worth a try of anything but zlib
_SLOW_BYTES_MAX = 1 << 20  # above, the slow ones take too long for what they gain
_DICTIONARY_MIN = 1 << 12

# ------------------------------------------------------------------ numbers


def varints(numbers: Iterable[int]) -> bytes:
    """Numbers from 0 on, seven bits a byte, least first."""
    out = bytearray()
    for number in numbers:
        while number > 127:
            out.append(number & 127 | 128)
            number >>= 7
        out.append(number)
    return bytes(out)


def numbers_in(data: bytes) -> list[int]:
    """What `varints` was given. `BadFrame`."""
    found = []
    number = shift = 0
    for byte in data:
        if byte < 128:
            found.append(number | byte << shift)
            number = shift = 0
        else:
            number |= (byte & 127) << shift
            shift += 7
            if shift > 63:
                raise BadFrame("a number of more than 64 bits")
    if shift:
        raise BadFrame("the last number is not whole")
    return found


def folded(number: int) -> int:
    """A number with a sign as one without: 0, -1, 1, -2, ..."""
    return number << 1 if number >= 0 else ~(number << 1)


def unfolded(number: int) -> int:
    """What `folded` was given."""
    return ~(number >> 1) if number & 1 else number >> 1


class Numbers:
    """Reads what one block of varints holds."""

    def __init__(self, data: bytes) -> None:
        self._numbers = numbers_in(data)
        self._at = 0

    def column(self, size: int) -> list[int]:
        """The next numbers."""
        found = self._numbers[self._at : self._at + size]
        if len(found) < size:
            raise BadFrame("a column is too short")
        self._at += size
        return found

    def end(self) -> None:
        """There must be no more."""
        if self._at != len(self._numbers):
            raise BadFrame("something is left over behind the last column")


# ------------------------------------------------------------------ blocks


def _lzma_filters(size: int) -> list[dict[str, int]]:
    dictionary = max(_DICTIONARY_MIN, 1 << (size - 1).bit_length())
    return [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": min(dictionary, 1 << 26)}]


def pack_block(data: bytes, quick: bool = False) -> bytes:
    """Compressed; `quick`: so that unpacking takes next to no time."""
    if len(data) > BLOCK_BYTES_MAX:
        raise BadFrame(f"{len(data):,} bytes in one block; at most {BLOCK_BYTES_MAX:,}")
    size = varints((len(data),))
    tried = [bytes((_PLAIN,)) + data]
    slow = not quick and _SMALL < len(data) <= _SLOW_BYTES_MAX
    if len(data) > _TINY and not slow:
        tried.append(bytes((_ZLIB,)) + size + zlib.compress(data, 9, -15))
    if slow:
        tried.append(bytes((_BZ2,)) + size + bz2.compress(data))
        packed = lzma.compress(data, lzma.FORMAT_RAW, filters=_lzma_filters(len(data)))
        tried.append(bytes((_LZMA,)) + size + packed)
    return min(tried, key=len)


def unpack_block(block: bytes) -> bytes:
    """What `pack_block` was given. `BadFrame`."""
    if not block:
        raise BadFrame("an empty block")
    if block[0] == _PLAIN:
        return block[1:]
    end = next((i for i in range(1, min(len(block), 10)) if block[i] < 128), 0)
    (size,) = numbers_in(block[1 : end + 1]) or (BLOCK_BYTES_MAX + 1,)
    if size > BLOCK_BYTES_MAX:
        raise BadFrame("a block of more bytes than allowed")
    packed = block[end + 1 :]
    try:
        data, whole = _decompressed(block[0], packed, size)
    except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
        raise BadFrame(f"a block does not unpack: {error}") from None
    if not whole or len(data) != size:
        raise BadFrame("a block is not as long as it says")
    return data


def _decompressed(method: int, packed: bytes, size: int) -> tuple[bytes, bool]:
    """Up to `size` + 1 bytes; and whether the input ended with them."""
    if method == _ZLIB:
        inflater = zlib.decompressobj(-15)
        data = inflater.decompress(packed, size + 1)
        return data, inflater.eof and not inflater.unused_data
    if method == _BZ2:
        unpacker = bz2.BZ2Decompressor()
        data = unpacker.decompress(packed, size + 1)
        return data, unpacker.eof and not unpacker.unused_data
    if method == _LZMA:
        other = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_lzma_filters(size))
        data = other.decompress(packed, size + 1)
        return data, other.eof and not other.unused_data
    raise BadFrame(f"a block packed by an unknown method {method}")
