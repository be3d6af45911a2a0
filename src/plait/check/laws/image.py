"""Values as bytes, so that they can be compared: equality is that of encoded bytes.

``1``, ``1.0`` and ``True`` differ; the order of a dict's keys and of a set's elements does not
count, because no reader can rely on it.
"""

from typing import Any

from plait.base.codec import encode


def image(value: Any) -> bytes:
    """Bytes that are equal for equal values; raises `TypeError` for what cannot be encoded."""
    kind = type(value)
    if kind is list or kind is tuple:
        return b"[%s]" % b"".join([image(item) for item in value])
    if isinstance(value, dict):
        pairs = sorted((image(key), image(item)) for key, item in value.items())
        return b"{%s}" % b"".join([key + item for key, item in pairs])
    if isinstance(value, set | frozenset):
        return b"<%s>" % b"".join(sorted([image(item) for item in value]))
    if isinstance(value, list | tuple):
        return image(list(value))
    data = encode(value)
    return b"%d:%s" % (len(data), data)
