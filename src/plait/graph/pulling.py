"""One thing asked of one peer at a time, and what came of it so far."""

import msgspec

from plait.base.errors import BadFrame
from plait.graph.messages import PAGE_BYTES_MAX, Part
from plait.graph.parcels import Parcel

PARCEL_BYTES_MAX = 1 << 30

_decoder = msgspec.msgpack.Decoder(Parcel)


class Pull:
    """A question and the parts of its answer."""

    def __init__(self, peer: str, number: int, deadline: float) -> None:
        self.peer = peer
        self.number = number
        self.deadline = deadline  # moves on with every sign of life
        self.count = 0  # parts
        self.bytes = 0
        self._parts: list[bytes] = []

    def add(self, part: Part) -> None:
        """The next part arrived; raises `BadFrame` for any other."""
        self.bytes += len(part.data)
        if part.index != self.count or len(part.data) > PAGE_BYTES_MAX:
            raise BadFrame(f"part {part.index} of {len(part.data)} bytes instead of {self.count}")
        if self.bytes > PARCEL_BYTES_MAX:
            raise BadFrame(f"a parcel of more than {PARCEL_BYTES_MAX} bytes")
        self.count += 1
        self._parts.append(part.data)

    def parcel(self) -> Parcel:
        """What the parts make together; raises `BadFrame`."""
        try:
            return _decoder.decode(b"".join(self._parts))
        except (ValueError, RecursionError) as error:
            raise BadFrame(f"no parcel: {error}") from None
