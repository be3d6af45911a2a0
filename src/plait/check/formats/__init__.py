"""The formats in which histories come: our JSON lines, Jepsen's log lines, EDN maps."""

from typing import Literal, TypeAlias, get_args

from plait.check.formats import edn, jepsen, jsonl
from plait.check.history import BadHistory, History, bad, pair

Format: TypeAlias = Literal["jsonl", "jepsen", "kv"]
FORMATS: tuple[Format, ...] = get_args(Format)

_READERS = {"jsonl": jsonl.events, "jepsen": jepsen.events, "kv": edn.events}


def parse_history(data: bytes, source: str = "history", form: Format | None = None) -> History:
    """The history that `data` holds; `form` None: the format is guessed from the first line."""
    form = form or detect(data, source)
    if form not in _READERS:
        raise BadHistory(f"no format {form!r}; there are {', '.join(FORMATS)}")
    if form != "jsonl":
        try:
            data.decode()
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise bad(source, line, "not UTF-8 text") from None
    history = pair(_READERS[form](data, source), source, form)
    if not history.operations and not history.failed:
        raise bad(source, 0, "holds no operations")
    return history


def detect(data: bytes, source: str = "history") -> Format:
    """The format of the first line that is not blank."""
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head:
        raise bad(source, 0, "is empty")
    if head.startswith((b"{:", b"[", b"#", b"(", b"{,")) or head[1:].lstrip().startswith(b":"):
        return "kv"
    if head.startswith(b"{"):
        return "jsonl"
    if jepsen.EVENT_BYTES.search(data):
        return "jepsen"
    raise bad(
        source, 1, "neither JSON lines, nor Jepsen's log lines, nor EDN maps; "
        f"--format says which: {', '.join(FORMATS)}",
    )  # fmt: skip
