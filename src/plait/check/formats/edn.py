"""EDN: Clojure's notation, as far as histories use it.

`read` gives Python values: maps are dicts, vectors and lists lists, keywords `Keyword`, symbols
str. Tags (``#jepsen.history.Op``) are passed over. Absent: ratios, characters by name beyond the
common ones, and dispatch macros other than sets, tags, comments and discards.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from plait.check.history import BadHistory, Event, bad

DEPTH_MAX = 64

_TOKEN = re.compile(
    r"""[\s,]+ | ;[^\n]* | (?P<string>"(?:[^"\\]|\\.)*") | (?P<open>\#\{|[\[({]) | (?P<close>[\])}])
    | (?P<discard>\#_) | (?P<tag>\#[A-Za-z][^\s,\[\](){}"]*)
    | (?P<atom>\\.[A-Za-z]*|[^\s,\[\](){}"\#;][^\s,\[\](){}"]*)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "\\": "\\"}
_CLOSING = {"[": "]", "(": ")", "{": "}", "#{": "}"}
_INTEGER = re.compile(r"[+-]?\d+[NM]?\Z")
_FLOAT = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?M?\Z")
_WORDS = {"nil": None, "true": True, "false": False}


class Keyword(str):
    """``:name``, without its colon."""

    __slots__ = ()


class Unreadable(ValueError):
    """Text that is no EDN, and the offset where it stops being any."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class _Token(NamedTuple):
    kind: str
    text: str
    offset: int


class Reader:
    """Reads one form after the other."""

    def __init__(self, text: str, offset: int = 0) -> None:
        self._text = text
        self.offset = offset  # behind the last token
        self.start = offset  # of the last form that `read` began

    def forms(self) -> Iterator[Any]:
        """Every form up to the end of the text."""
        while True:
            token = self._next()
            if token is None:
                return
            if token.kind == "discard":
                self.read()
                continue
            self.start = token.offset
            yield self._form(token, 0)

    def read(self) -> Any:
        """The next form; `Unreadable` if there is none."""
        token = self._next()
        if token is None:
            raise Unreadable("the text ends where a value should stand", self.offset)
        self.start = token.offset
        return self._form(token, 0)

    @property
    def rest(self) -> str:
        """What stands behind the last form."""
        return self._text[self.offset :].strip()

    def _next(self) -> _Token | None:
        while self.offset < len(self._text):
            found = _TOKEN.match(self._text, self.offset)
            if found is None:
                raise Unreadable(f"unexpected {self._text[self.offset]!r}", self.offset)
            start, self.offset = self.offset, found.end()
            if found.lastgroup is not None:
                return _Token(found.lastgroup, found.group(), start)
        return None

    def _form(self, token: _Token, depth: int) -> Any:
        if depth > DEPTH_MAX:
            raise Unreadable(f"nested deeper than {DEPTH_MAX}", token.offset)
        match token.kind:
            case "atom":
                return _atom(token)
            case "string":
                return _ESCAPE.sub(_unescape, token.text[1:-1])
            case "open":
                return self._collection(token, depth)
            case "tag":
                following = self._next()
                if following is None:
                    raise Unreadable("a tag without a value", token.offset)
                return self._form(following, depth + 1)
        raise Unreadable(f"unexpected {token.text!r}", token.offset)

    def _collection(self, opened: _Token, depth: int) -> Any:
        items: list[Any] = []
        closing = _CLOSING[opened.text]
        while True:
            token = self._next()
            if token is None:
                raise Unreadable(f"{opened.text!r} is never closed", opened.offset)
            if token.kind == "close":
                if token.text != closing:
                    raise Unreadable(f"{token.text!r} closes {opened.text!r}", token.offset)
                break
            if token.kind == "discard":
                self.read()
                continue
            items.append(self._form(token, depth + 1))
        if opened.text != "{":
            return items
        if len(items) % 2:
            raise Unreadable("a map with a key that has no value", opened.offset)
        try:
            return dict(zip(items[::2], items[1::2], strict=True))
        except TypeError:
            raise Unreadable("a map whose key is a collection", opened.offset) from None


def _atom(token: _Token) -> Any:
    text = token.text
    if text in _WORDS:
        return _WORDS[text]
    if text[0] == ":" and len(text) > 1:
        return Keyword(text[1:])
    if _INTEGER.match(text):
        return int(text.rstrip("NM"))
    if _FLOAT.match(text):
        return float(text.rstrip("M"))
    return text


def _unescape(found: re.Match[str]) -> str:
    code, char = found.groups()
    return chr(int(code, 16)) if code else _ESCAPES.get(char, char)


def plain(value: Any) -> Any:
    """A value without keywords, as JSON could hold it."""
    if isinstance(value, Keyword):
        return str(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return value


# ------------------------------------------------------------------------------- maps as events


def events(data: bytes, source: str) -> Iterator[tuple[int, Event]]:
    """(line number, event) pairs of EDN maps, one after the other or in one vector."""
    text = data.decode().removeprefix("\ufeff")
    reader = Reader(text)
    counted = line = 0
    try:
        for form in reader.forms():
            line += text.count("\n", counted, reader.start)
            counted = reader.start
            for entry in form if isinstance(form, list) else [form]:
                yield line + 1, _event(entry, source, line + 1)
    except Unreadable as error:
        number = text.count("\n", 0, error.offset) + 1
        raise bad(source, number, f"not EDN ({error}): is the file cut off?") from None


def _event(entry: Any, source: str, line: int) -> Event:
    if not isinstance(entry, dict):
        raise bad(source, line, f"an event is a map with :process, :type and :f, not {entry!r}")
    value = entry.get("value", msgspec.UNSET)
    fields = {name: plain(entry[name]) for name in ("process", "type", "f", "key") if name in entry}
    time = entry.get("time")
    if isinstance(time, (int, float)) and not isinstance(time, bool):
        fields["time"] = time / 1e9  # Jepsen counts nanoseconds
    try:
        event = msgspec.convert(fields, Event)
    except (msgspec.ValidationError, BadHistory) as error:
        raise bad(source, line, f"not an event: {error}") from None
    event.value = plain(value) if value is not msgspec.UNSET else value
    if "error" in entry:
        event.error = str(entry["error"])
    if event.type == "fail" and event.f == "cas" and event.error is None:
        event.refused = True  # as in Jepsen's logs: the value was another
    return event
