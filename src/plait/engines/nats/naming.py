"""Names on the server: streams and subjects, from a namespace and a name.

Everything begins with `plait` and the namespace, so an account can be given rights to
`plait.NAMESPACE.>`. Invariant: different (namespace, name) give different streams and subjects
that no other's subjects match: a part is letters, digits and underscores, with anything else
written as `=` and two hexadecimal digits a byte, and parts are joined by what parts cannot hold.
"""

from typing import NamedTuple

from plait.base.errors import BadSettings

STREAM_NAME_CHARS_MAX = 200  # servers make it a folder's name


class Names(NamedTuple):
    """Every name of one namespace."""

    namespace: str

    @property
    def registers(self) -> str:
        """The stream of all registers."""
        return _stream(self.namespace, "registers")

    @property
    def copies(self) -> str:
        """The stream of all copies."""
        return _stream(self.namespace, "copies")

    def log(self, name: str) -> str:
        """The stream of a loglet."""
        return _stream(self.namespace, "log", name)

    def log_subject(self, name: str, incarnation: str) -> str:
        """Where the entries of a loglet are sent; a log made anew has another."""
        return subject_of_log(self.log(name), incarnation)

    def register_subject(self, kind: str, name: str, incarnation: str = "") -> str:
        """Where a register lives; `kind` keeps our own apart from those of callers."""
        parts = (name, incarnation) if incarnation else (name,)
        return _subject(self.namespace, "registers", kind, *parts)

    def copy_subject(self, name: str, copy: str = "", chunk: str = "") -> str:
        """Where a chunk lives; all chunks of a copy, or of a name, without the later parts."""
        return _subject(self.namespace, "copies", name, *filter(None, (copy, chunk)))

    def all_subjects(self, kind: str) -> str:
        """What the stream of `kind` (registers, copies) takes."""
        return f"{_subject(self.namespace, kind)}.>"


def subject_of_log(stream: str, incarnation: str) -> str:
    """Where the entries of the log that is `stream` are sent."""
    return ".".join([*stream.split("-"), _escaped(incarnation)])


def _stream(*parts: str) -> str:
    name = "-".join(["plait", *map(_escaped, parts)])
    if len(name) > STREAM_NAME_CHARS_MAX:
        raise BadSettings(f"the name {parts[-1][:80]!r} is too long for a NATS stream")
    return name


def _subject(*parts: str) -> str:
    return ".".join(["plait", *map(_escaped, parts)])


def _escaped(part: str) -> str:
    if not part:
        raise BadSettings("a name on a NATS server cannot be empty")
    return "".join(
        each if each == "_" or (each.isascii() and each.isalnum()) else _hex(each) for each in part
    )


def _hex(character: str) -> str:
    return "".join(f"={byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))
