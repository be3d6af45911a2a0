"""Every error that Plait raises, in one tree, split by blame.

::

    PlaitError
    ├── UsageError            the caller's mistake; nothing happened
    │   ├── BadKey            a key that is no str, is empty, or is too long
    │   ├── BadValue          a value that cannot be encoded, or is too large
    │   ├── BadCall           arguments that do not fit a machine's command or query
    │   ├── BadMachine        a class that cannot be a machine as it is written
    │   ├── BadDocument       a class that cannot be a document as it is written
    │   ├── BadSettings       settings that contradict each other or the collection's own
    │   ├── RuleUnmet         an ack rule that the line's members can never meet
    │   ├── NoSuchCollection  a collection, line or rescued suffix that does not exist
    │   ├── WrongThread       a store used outside the event loop that it belongs to
    │   └── Closed            a handle used after it was closed
    ├── Refused               the system said no; nothing happened; most can be tried again
    │   ├── Conflict          an optimistic transaction or compare-and-set lost its race
    │   │   └── ConflictChanged   what was to be resolved is gone, or has other siblings by now
    │   ├── Busy              a bounded buffer is full; try again later
    │   ├── NotLeader         another node leads this line (`leader` names it if known)
    │   ├── Sealed            the loglet is sealed for ever
    │   ├── TooStale          no replica could answer within the asked lag or token
    │   ├── SessionLost       a session token names a position that was cut
    │   ├── Fenced            another consumer holds the group of a feed by now
    │   ├── SessionEvicted    the exactly-once session was dropped; this attempt did nothing
    │   ├── PromotionRefused  too few members reported, or somebody else was promoted
    │   ├── LossNotAccepted   a tail was not forced: the message says what could be lost
    │   ├── HistoryTrimmed    the asked position is no longer kept
    │   │   └── NoHistory         the asked moment is before what is kept of the past
    │   ├── ReadOnly          the node cannot write now (disk full, read-only, suspect log)
    │   │   └── DiskNearlyFull    the node keeps the rest of its disk for itself
    │   ├── NotSignedIn       who asks has not shown who they are, or what they showed is void
    │   ├── NotAllowed        who asks is known, and may not do this
    │   ├── RightsElsewhere   a bounded counter's rights are at other replicas (`rights` says where)
    │   ├── ChangeOpen        another task has a change of this collection open
    │   ├── ClockWrong        this machine's clock is too far off to stamp events
    │   ├── NotLoaded         a document that is not held in this process yet
    │   ├── CommandFailed     a machine's command or query raised; its changes were undone
    │   └── LineStopped       the node has stopped applying a line; its other lines go on
    │       ├── Diverged          its state of the line is not what the others' is
    │       ├── LogForked         the server under it lost or replaced what it had acknowledged
    │       ├── UnknownRecord     the line holds records that this version cannot read
    │       └── MachineStopped    the node cannot run the line's machine
    │           ├── MachineMissing    no class of that name is registered there
    │           ├── MachineVersion    the class there is older than the state or a command
    │           └── MachineState      the machine's state cannot be saved or restored
    ├── Indefinite            it may or may not have happened
    │   └── Unavailable       no answer in time, or the connection broke
    ├── StorageError          the disk's fault
    │   ├── DiskFull          no space left; the node is read-only until there is some
    │   ├── FolderInUse       another process holds the data folder
    │   ├── FolderReadOnly    the folder or its files cannot be written
    │   ├── UnknownFormat     made by a version that this one cannot read
    │   └── Corrupt           bytes that fail their checksum; never mistaken for absent ones
    └── ProtocolError         the remote's fault
        ├── BadFrame          bytes that are no legal frame or message
        ├── WrongCluster      the peer belongs to another cluster
        ├── WrongLineage      a graph of the same name that began separately
        ├── BadCertificate    TLS: a certificate that is missing, expired, or of somebody else
        └── VersionMismatch   no protocol version in common

`definite` is true when the operation certainly had no effect. `advice` says what to do next.
Each error's `code` is its class name: that is what travels over the network, with `details`; see
`error_codes`.
"""

from typing import Any, ClassVar


class PlaitError(Exception):
    """The root of every error that Plait raises; `definite` tells that nothing happened."""

    definite: ClassVar[bool] = True
    advice: ClassVar[str] = ""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, Any] = details

    @property
    def code(self) -> str:
        """The class name, as it travels over the network."""
        return type(self).__name__

    def __str__(self) -> str:
        return f"{self.message} ({self.advice})" if self.advice else self.message


class UsageError(PlaitError):
    """The caller's mistake; nothing happened."""


class BadKey(UsageError, ValueError):
    """A key that is not a str, is empty, is not valid Unicode, or is too long."""


class BadValue(UsageError, ValueError):
    """A value that MessagePack cannot carry, or that is too large."""


class BadCall(UsageError, TypeError):
    """Arguments that do not fit the command or query of a machine, or a method it lacks."""


class BadMachine(UsageError, TypeError):
    """A class that cannot be a machine as it is written; the message says what to change."""


class BadDocument(UsageError, TypeError):
    """A class that cannot be a document as it is written; the message says what to change."""


class BadSettings(UsageError, ValueError):
    """Settings that contradict each other, or a collection that exists with others."""


class RuleUnmet(UsageError, ValueError):
    """An ack rule that the line's present members can never meet."""


class NoSuchCollection(UsageError, LookupError):
    """A collection, line or rescued suffix that does not exist here."""


class WrongThread(UsageError):
    """A store used from another thread or event loop than the one that opened it."""

    advice = "use plait.blocking from other threads"


class Closed(UsageError):
    """A store, session or node used after it was closed."""


class Refused(PlaitError):
    """The system said no; nothing happened."""


class Conflict(Refused):
    """An optimistic transaction or compare-and-set lost its race; details name the key."""

    advice = "read again and retry; store.transact() does so for you"


class ConflictChanged(Conflict):
    """A conflict of the inbox that somebody resolved meanwhile, or that has other siblings."""

    advice = "look at the conflicts again"


class Busy(Refused):
    """A bounded buffer is full, or the leader is handing over."""

    advice = "wait a moment and try again"


class NotLeader(Refused):
    """This node does not lead the line; `details["leader"]` names who does, if known."""

    @property
    def leader(self) -> str | None:
        """The node that leads, as far as the refusing node knows."""
        leader = self.details.get("leader")
        return leader if isinstance(leader, str) else None


class Sealed(Refused):
    """The loglet is sealed: no append will ever succeed again."""


class TooStale(Refused):
    """No replica could answer within the lag, or reach the session's position in time."""


class SessionLost(Refused):
    """A session token names a position that was cut away by a promotion."""

    advice = "start a new session; the cut records are kept as rescued"


class Fenced(Refused):
    """Another consumer holds the group of a feed by now; `details["epoch"]` is the new holder's."""

    advice = "what was not committed is done by who holds the group; stop, or stand by again"


class SessionEvicted(Refused):
    """The exactly-once session was dropped for its age; this attempt did nothing.

    Earlier attempts of the same command are indefinite.
    """


class PromotionRefused(Refused):
    """Too few members reported to promote without loss, or another candidate won."""


class LossNotAccepted(Refused):
    """A dead engine's log was not ended by force, for nobody has accepted the loss.

    `details`: ``place``, the ``tail`` that it would have, and how far entries are ``known``.
    """

    advice = "bring the engine back if that is possible at all; else accept the loss"


class HistoryTrimmed(Refused):
    """The asked position is below what the log keeps; `details["head"]` is where it starts."""

    advice = "scan the collection, then follow it from the position of the scan"


class NoHistory(HistoryTrimmed):
    """The asked moment is before what is kept of the past; `details["since_ms"]` says since when
    it is kept, where it is at all."""

    advice = "ask for a later moment; keep history from now on; or read a backup of then"


class ReadOnly(Refused):
    """The node serves reads only, for a reason that the message names."""


class DiskNearlyFull(ReadOnly):
    """The node's disk has less room than it keeps free, so it takes no writes; reads go on.

    `details`: ``free_bytes`` and ``reserve_bytes``, as of when it began to refuse.
    """

    advice = "free space, or let another node lead; the node takes writes again by itself"


class NotSignedIn(Refused):
    """Who asks has not shown who they are, or the token that they showed is void by now."""


class NotAllowed(Refused):
    """Who asks is known, and none of their roles grants this; the message names what it needs."""


class RightsElsewhere(Refused):
    """A bounded counter may go no lower here: other replicas hold the rights.

    `details["rights"]` is ``{replica id in hex: units that it may still spend}``.
    """

    advice = "ask a replica that has rights to transfer some, or spend there"


class ChangeOpen(Refused):
    """Another task has a change of this collection open; what it groups must stay together."""

    advice = "try again when it is done; await nothing slow inside a change"


class ClockWrong(Refused):
    """This machine's clock is out of bounds, so it stamps no new events; reading goes on."""

    advice = "set the clock; writing goes on by itself"


class NotLoaded(Refused):
    """A document that this process does not hold; to show it empty would be a lie."""

    advice = "await load(key) first"


class CommandFailed(Refused):
    """A machine's command or query raised. What the command had changed was undone, everywhere.

    The exception itself stays where it was raised: `type` is the name of its class, `text` what
    it said.
    """

    @property
    def type(self) -> str:
        """The name of the exception's class."""
        return str(self.details.get("type", ""))

    @property
    def text(self) -> str:
        """What the exception said."""
        return str(self.details.get("text", ""))


class LineStopped(Refused):
    """This node has stopped applying a line, for a reason that the message names."""


class Diverged(LineStopped):
    """The state of the line at this node is not what a majority has: it is in quarantine."""

    advice = "other nodes answer; this one fetches a copy of the state once, or needs a person"


class LogForked(LineStopped):
    """The server under the line lacks, or has others in place of, entries that it acknowledged."""

    advice = "look at its fail-over: the lost entries may still be at the old primary, or at nodes"


class UnknownRecord(LineStopped):
    """The line holds a kind of record that this version does not know."""

    advice = "upgrade this node to the version that the others run"


class MachineStopped(LineStopped):
    """This node cannot run the machine, and has stopped applying its line."""


class MachineMissing(MachineStopped):
    """No class is registered here for the machine."""

    advice = "pass the class to plait.open(machines=...) or plait serve --machine"


class MachineVersion(MachineStopped):
    """The class that is registered here is older than what it is asked to continue."""

    advice = "deploy the newer class at every node, then at the clients"


class MachineState(MachineStopped):
    """The machine's state cannot be saved, or cannot be restored."""

    advice = "correct the class, or give it snapshot() and restore(), and start the node again"


class Indefinite(PlaitError):
    """The operation may or may not have happened."""

    definite = False
    advice = "retry in the same session to apply it exactly once, or read to find out"


class Unavailable(Indefinite):
    """No answer in time, or the connection broke before one came."""


class StorageError(PlaitError):
    """The disk's fault."""


class DiskFull(StorageError):
    """No space left on the device; the node is read-only until there is some."""


class FolderInUse(StorageError):
    """Another process holds the data folder."""


class FolderReadOnly(StorageError):
    """The data folder or a file in it cannot be written."""


class UnknownFormat(StorageError):
    """The folder was made by a version of Plait that this one cannot read."""


class Corrupt(StorageError):
    """Bytes on disk fail their checksum. They are never mistaken for absent ones."""


class ProtocolError(PlaitError):
    """The remote's fault."""


class BadFrame(ProtocolError):
    """Bytes that are no legal frame or message."""


class WrongCluster(ProtocolError):
    """The peer belongs to another cluster."""


class WrongLineage(ProtocolError):
    """Two graphs of one name that began separately: their histories are never joined."""

    advice = "rename one of them, or let one side join the other with an empty folder"


class BadCertificate(ProtocolError):
    """TLS did not come about: a certificate is missing, expired, or not what it has to be."""


class VersionMismatch(ProtocolError):
    """The peer speaks no protocol version that this one speaks."""
