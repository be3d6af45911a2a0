"""JSON lines: one event a line, with the fields of `plait.check.history.Event`."""

from collections.abc import Iterator

import msgspec

from plait.check.history import Event, bad

_decoder = msgspec.json.Decoder(Event)


def events(data: bytes, source: str) -> Iterator[tuple[int, Event]]:
    """(line number, event) pairs; blank lines are passed over."""
    decode = _decoder.decode
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    for number, line in enumerate(lines, 1):
        if not line or line.isspace():
            continue
        try:
            yield number, decode(line)
        except msgspec.ValidationError as error:
            raise bad(source, number, f"not an event: {error}") from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            cut = number == len(lines)  # no newline behind it
            advice = "the last line is cut off; remove it" if cut else "mend or remove the line"
            raise bad(source, number, f"not JSON ({error}): {advice}") from None
