"""The laws by name, what each says, and how a broken one is reported.

Absent: how they are tried; `world` and `probes` do that.
"""

from typing import NamedTuple

ROADS = "three roads, one state"
VALUES = "equal states read the same"
SPECIFICATION = "the value is what the specification says"
COMMUTES = "concurrent events commute"
IDEMPOTENT = "join is idempotent"
COMMUTATIVE = "join is commutative"
ASSOCIATIVE = "join is associative"
JOIN_FOLD = "join commutes with fold"
FOLDS = "folding twice is folding to the later cut"
UNSEEN_FOLD = "a fold does not show"
NOTHING_NEW = "nothing new changes nothing"
CODEC = "decode(encode(state)) is the state"
READING = "reading and preparing change nothing"
ARGUMENTS = "arguments are left alone"
FRESH = "a value is a fresh object"
CLEARED = "a clear that has seen everything leaves nothing"
DRAFTS = "a rolled back draft leaves no trace"
GARBAGE = "garbage has no effect, and the same one everywhere"
REFUSES = "nonsense from a peer is refused"
CARRIED = "MessagePack carries bodies, data and values"
TOTAL = "legal calls do not raise"

LAWS: dict[str, str] = {
    ROADS: "replicas that saw the same events have equal canonical bytes at the later cut, "
    "whether events, deltas or states brought them",
    VALUES: "replicas that saw the same events have equal values",
    SPECIFICATION: "`value` gives what `specification` says of the history",
    COMMUTES: "two events that have not seen each other give the same state in either order",
    IDEMPOTENT: "joining the same data again changes nothing",
    COMMUTATIVE: "A joined with B is B joined with A",
    ASSOCIATIVE: "(A joined with B) joined with C is A joined with (B joined with C)",
    JOIN_FOLD: "to fold and join is to join and fold",
    FOLDS: "fold(early), fold(late) is fold(late), and so is fold(late), fold(early)",
    UNSEEN_FOLD: "folding at a stable cut leaves the value as it is",
    NOTHING_NEW: "a delta or state that holds only what was seen changes nothing",
    CODEC: "an encoded and decoded state has the same canonical bytes and the same value",
    READING: "`prepare`, `gen_op`, `value`, `delta`, `encode` and `canonical` leave the state as "
    "it is",
    ARGUMENTS: "`apply` and `join` do not change the bodies and the data that they are given, "
    "nor does anything later",
    FRESH: "who changes what `value` gave does not change the state",
    CLEARED: "after a clear that has seen every event the value is that of `zero()`",
    DRAFTS: "`rollback` gives the state that `mark` saw",
    GARBAGE: "a body that makes no sense raises nothing and acts the same at every replica",
    REFUSES: "joining data that no replica can have sent raises BadFrame and changes nothing "
    "(tried with --hostile)",
    CARRIED: "bodies, data and values are what MessagePack can encode",
    TOTAL: "no method raises for what the contract allows; `prepare` refuses with a UsageError or "
    "Refused",
}


class Side(NamedTuple):
    """One of the things that should have been equal."""

    name: str
    value: str  # as people read it
    canonical: str


class Broken(Exception):
    """A law does not hold."""

    def __init__(self, law: str, text: str, sides: tuple[Side, ...] = ()) -> None:
        super().__init__(f"{law}: {text}")
        self.law = law
        self.text = text
        self.sides = sides
