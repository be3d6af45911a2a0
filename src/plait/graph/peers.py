"""What an exchange knows of each peer on its present connection."""

from collections.abc import Iterable

from plait.base.causality import VersionVector, vector_of
from plait.base.errors import BadFrame
from plait.graph.event import REPLICA_MAX, SEQ_MAX
from plait.graph.messages import Effect, Part, Send, Standing
from plait.graph.openings import Openings
from plait.graph.warrants import Warrant

UNKNOWN = Openings(SEQ_MAX)


class Peer:
    """One linked peer; forgotten when the link breaks."""

    def __init__(self, name: str, warrant: Warrant | None = None) -> None:
        self.name = name
        self.warrant = warrant  # None: it is trusted with everything
        self.seen = VersionVector()  # by the author, as far as its batches were judged
        self.replica = 0  # 0: it has not greeted yet
        self.sync = "auto"
        self.vector = VersionVector()  # what it said it has seen
        self.sent = VersionVector()  # that, and what it was sent: it needs no copy of these
        self.told = VersionVector()  # what it was told that we have seen
        self.tell_at: float | None = None  # when it is to be told more
        self.told_all_at = 0.0
        self.neighbours: tuple[int, ...] = ()
        self.greeted_at = 0  # the place of our own stream that it was last greeted with
        self.standing: Standing | None = None  # ours, there
        self.judged: Standing | None = None  # its, here
        self.mark: tuple[int, bytes] | None = None  # a place of its own stream, and the hash there
        self.openings = UNKNOWN  # of its own stream
        self.roots: tuple[tuple[int, int, int], ...] = ()  # why it is a member, as it says
        self.roots_told: tuple[tuple[int, int, int], ...] = ()  # ours
        self.flock = 0  # who is a member there by its own word
        self.twin = False  # it has the same id as this replica
        self.prevails = False  # of twins, it keeps the id
        self.joining = False  # it asks to be admitted
        self.busy_until = 0.0  # it could not answer
        self.ops_only = False  # what it offers must pass the clock batch by batch
        self.clock: tuple[int, float] | None = None  # what its clock showed, and when it said so
        self.outgoing: tuple[int, list[Part]] | None = None  # a parcel on its way there

    @property
    def greeted(self) -> bool:
        """Whether it has said who it is."""
        return self.replica != 0

    @property
    def judged_by(self) -> Warrant | None:
        """What its batches are judged by; None for a peer that is trusted now."""
        warrant = self.warrant
        return None if warrant is None or warrant.everything else warrant

    @property
    def takes_batches(self) -> bool:
        """Whether it wants batches as they happen."""
        return self.greeted and self.sync in ("auto", "ops")

    def send_parts(self, number: int, index: int, out: list[Effect]) -> None:
        """Send the parts before `index` of the parcel on its way there."""
        if self.outgoing is None or self.outgoing[0] != number:
            return
        parts = self.outgoing[1]
        while parts and parts[0].index < index:
            out.append(Send(self.name, parts.pop(0)))
        if not parts:
            self.outgoing = None

    def saw(self, pairs: Iterable[tuple[int, int]]) -> None:
        """It told what it has seen."""
        vector = checked_vector(pairs)
        self.vector.merge(vector)
        self.sent.merge(vector)


def checked_vector(pairs: Iterable[tuple[int, int]]) -> VersionVector:
    """A vector that came from outside; raises `BadFrame`."""
    pairs = tuple(pairs)
    if not all(1 <= replica <= REPLICA_MAX and 1 <= seq <= SEQ_MAX for replica, seq in pairs):
        raise BadFrame("a vector with an entry that cannot be")
    return vector_of(pairs)
