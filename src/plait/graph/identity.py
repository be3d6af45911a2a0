"""Who this replica is to its peers: greetings, admission, and when its id is used up.

Each side greets with the end of its own stream, and is told how that stands at the other side. An
author that learns of more than it wrote, or of something else, gives its id up: `Restart` if its
state is good (a restored backup: what it wrote since is a beginning of what the others have),
`Adopt` if it is not (two processes wrote under one id), or if it was retired. Before it adopts,
the peer has taken everything else that only this replica has.

Two live processes with one id decide by themselves: the shorter stream gives up, or the greater
incarnation.
"""

from plait.base.errors import BadFrame, NotAllowed
from plait.graph.event import GENESIS, SEQ_MAX
from plait.graph.links import Links
from plait.graph.messages import (
    FORKED,
    Adopt,
    Found,
    Greeting,
    Join,
    Restart,
    Standing,
    Write,
)
from plait.graph.notices import Behind, Below, Forked, Notice, Split
from plait.graph.openings import NONE
from plait.graph.peers import UNKNOWN, Peer, checked_vector
from plait.graph.refusing import ANYBODYS
from plait.graph.standing import clock_verdict, lost_after, standing_of
from plait.graph.warrants import owns

JOIN_SECONDS = 1.0


class Identity:
    """This replica's standing at its peers, and theirs here."""

    def __init__(self, links: Links, sync: str, name: str, incarnation: int, sponsor: str) -> None:
        self.links = links
        self.scope = links.scope
        self.sync = sync
        self.name = name
        self.incarnation = incarnation
        self.sponsor = sponsor  # while it is linked, only this peer is asked
        self.given_up = False
        self.split = False
        self._compare = False  # somebody has something else under our dots: greet again
        self._join_at = 0.0
        self._join_last = ""  # the peer that was asked last

    # ------------------------------------------------------------------ greetings

    def greet(self, peer: Peer, now_ms: int, mark: tuple[int, bytes] | None = None) -> None:
        """Tell a peer who we are, to be told how we stand there."""
        greeting = self.greeting(now_ms, mark)
        peer.greeted_at = greeting.seq
        self.links.send(peer, greeting)

    def greeting(self, now_ms: int, mark: tuple[int, bytes] | None = None) -> Greeting:
        """Who we are; `mark`: another place of our own stream than its end."""
        scope = self.scope
        stream = scope.streams.get(scope.replica)
        seq, digest = mark or ((stream.last, stream.digest) if stream else (0, GENESIS))
        return Greeting(
            self.links.lineage,
            scope.replica,
            scope.vector.pairs(),
            scope.quarantine.known(scope.vector),
            seq,
            digest,
            scope.members.roots(scope.replica),
            self.links.neighbours(),
            self.sync,
            self.incarnation,
            now_ms,
            scope.members.flock(),
            stream.openings if stream else NONE,
        )

    def greeted(self, peer: Peer, message: Greeting, now: float, now_ms: int) -> None:
        """A peer said who it is. Raises `NotAllowed` if that is somebody else."""
        self._check_owner(peer, message.replica)
        peer.replica = message.replica
        peer.sync = message.sync
        peer.neighbours = message.neighbours
        peer.vector = checked_vector(message.vector)
        peer.sent = peer.vector.merged(checked_vector(message.held))
        peer.mark = (message.seq, message.digest)
        peer.openings = message.openings or UNKNOWN
        if not peer.openings.fits(SEQ_MAX):
            raise BadFrame("openings that cannot be")
        peer.roots = message.roots
        peer.flock = message.flock
        mine = self.scope.next_seq - 1
        if message.replica == self.scope.replica:
            peer.twin = True
            peer.prevails = (mine, -self.incarnation) <= (message.seq, -message.incarnation)
        self.clock(peer, message.now_ms, now, now_ms)
        self.judge(peer)

    def _check_owner(self, peer: Peer, replica: int) -> None:
        warrant, members = peer.judged_by, self.scope.members
        if warrant is None or owns(warrant, members, replica, ANYBODYS):
            return
        raise NotAllowed(f"replica {replica:x} is not {warrant.name}'s: open the documents anew")

    def judge(self, peer: Peer) -> None:
        """Tell a peer how it stands here."""
        peer.judged = self._standing(peer)
        self.links.send(peer, peer.judged)

    def _standing(self, peer: Peer) -> Standing:
        told = [(r, seq) for r, seq in peer.vector.pairs() if r != peer.replica]
        complete = not self.scope.lacks(told)
        return standing_of(self.scope, self.links.lineage, peer, complete)

    def clock(self, peer: Peer, theirs_ms: int, now: float, now_ms: int) -> None:
        """A peer said what time it is."""
        peer.clock = (theirs_ms, now)
        self._compare_clocks(now, now_ms)

    def _compare_clocks(self, now: float, now_ms: int) -> None:
        """Whether our clock is out of bounds, by what the linked peers' show now."""
        clocks = [peer.clock for peer in self.links.peers.values() if peer.clock is not None]
        offsets = [now_ms - theirs_ms - int((now - heard) * 1000) for theirs_ms, heard in clocks]
        self.scope.clock_wrong = clock_verdict(offsets)

    # ------------------------------------------------------------------ how we stand

    def stands(self, peer: Peer, message: Standing, now: float, now_ms: int) -> None:
        """A peer told how we stand there, perhaps under the id that was given up since."""
        if message.about not in (0, self.scope.replica):
            return
        peer.standing = message
        if self.given_up or (peer.twin and not peer.prevails):
            return
        if self._gives_way_to(peer):
            if message.complete:
                self._give_way(peer)
            return
        scope = self.scope
        mine = scope.next_seq - 1
        here = scope.history.digest_at((scope.replica, message.seq))
        if message.verdict == FORKED:
            self.links.mute = True
            lost = lost_after(scope, message.tail)
            scope.disputed = lost is not None  # what is still retained has to be written anew
            if message.complete and lost is None:
                self._split()
            elif message.complete and lost is not None:
                self.give_up(
                    Adopt("another process wrote under this replica's id", lost, peer.name, True)
                )
        elif message.seq > mine and peer.greeted_at < mine:
            self.links.mute = True  # what was written since is perhaps something else there
            self.greet(peer, now_ms)
        elif message.seq > mine:
            reason = f"a peer has this replica's stream up to {message.seq}"
            self.give_up(Restart(reason, 0 if peer.twin else message.seq))
        elif (
            message.seq
            and here != message.digest
            and (here is not None or message.seq > scope.floor.get(scope.replica, 0))
        ):
            self.links.mute = True  # let it compare there, and tell where the streams part
            mark = (message.seq, here or bytes(len(GENESIS)))
            self.greet(peer, now_ms, mark)
        elif peer.twin:
            self.give_up(Restart("another process runs under this replica's id", 0))
        elif message.retired is not None:
            if message.complete:
                lost = lost_after(scope, ((message.retired, b""),))
                if lost is None:
                    self._split()
                    return
                self.give_up(Adopt("this replica was retired", lost, peer.name))
        elif not message.member:
            self.ask_in(now)

    def _gives_way_to(self, peer: Peer) -> bool:
        """Whether we are of a flock, and the peer is a member of what it came from, or of a flock
        that goes before ours."""
        flock = self.scope.members.flock()
        return bool(flock) and (self._stands_firm(peer) or 0 < peer.flock < flock)

    def _stands_firm(self, peer: Peer) -> bool:
        """Whether a peer was admitted, and not by a flock."""
        return not peer.flock and bool(peer.roots or peer.replica == self.scope.members.founder)

    def _give_way(self, peer: Peer) -> None:
        scope = self.scope
        if scope.floor.get(scope.replica, 0):
            self._split()  # what was folded cannot be told any more
            return
        lost = tuple(b for b in scope.history.since({}) if b.replica == scope.replica)
        self.give_up(Adopt("this is a copy, and its original is there", lost, peer.name))

    def _split(self) -> None:
        """Say once that neither side can give way."""
        if not self.split:
            self.split = True
            self.links.out.append(Found(Split()))

    def ask_in(self, now: float) -> None:
        """Ask the next peer to admit us, if we are no member."""
        if self.scope.replica in self.scope.members.names or now < self._join_at:
            return
        sponsor = self.links.peers.get(self.sponsor)
        if sponsor is not None and sponsor.standing is None:
            return  # it will say
        peers = [
            peer
            for peer in self.links.peers.values()
            if peer.standing is not None and not peer.standing.member
        ]
        if any(self._stands_firm(peer) for peer in self.links.peers.values()):
            peers = [peer for peer in peers if self._stands_firm(peer)]  # not into a flock again
        peers = [peer for peer in peers if peer.name == self.sponsor] or peers
        if peers:
            names = [peer.name for peer in peers]
            after = names.index(self._join_last) + 1 if self._join_last in names else 0
            peer = peers[after % len(peers)]
            self._join_last = peer.name
            self._join_at = now + JOIN_SECONDS
            self.links.send(peer, Join(self.links.lineage, self.name))

    def asked_in(self, peer: Peer, message: Join) -> None:
        """A peer asks to be admitted: it is told when that is written."""
        members = self.scope.members
        if peer.replica in members.names or not self.scope.writable:
            self.judge(peer)
            return
        peer.joining = True
        name = message.name if peer.warrant is None else peer.warrant.name or message.name
        self.links.out.append(Write((self.scope.admit(peer.replica, name),)))

    def admitted(self) -> None:
        """Tell those who asked and are members now."""
        for peer in self.links.peers.values():
            if peer.joining and self.scope.members.is_member(peer.replica):
                peer.joining = False
                self.judge(peer)

    def tick(self, now: float, now_ms: int) -> None:
        """Ask again to be admitted; judge again those who wait for our verdict."""
        self._compare_clocks(now, now_ms)
        self.ask_in(now)
        roots = self.scope.members.roots(self.scope.replica)
        compare, self._compare = self._compare, False
        for peer in self.links.peers.values():
            standing, judged = peer.standing, peer.judged
            if compare and peer.greeted:
                self.greet(peer, now_ms)
            if standing is not None and not standing.member and roots != peer.roots_told:
                peer.roots_told = roots  # it may know that our sponsor was none
                self.greet(peer, now_ms)
            # members are told when they greet; the others wait for our word
            fine = judged is not None and judged.member and judged.complete
            if judged is None or (fine and self.scope.members.is_member(peer.replica)):
                continue
            standing = self._standing(peer)
            if (standing.member, standing.retired, standing.complete) != (
                judged.member,
                judged.retired,
                judged.complete,
            ):
                self.judge(peer)

    def noticed(self, notice: Notice) -> None:
        """Something was found that may concern this replica's id."""
        match notice:
            case Behind(seq) if not self._compare:
                self.give_up(Restart(f"somebody has this replica's stream up to {seq}", seq))
            case Forked(replica) if replica == self.scope.replica:
                self._compare = not self.given_up
            case Below() if not (self._compare or self.scope.disputed):
                scope = self.scope
                lost = tuple(b for b in scope.history.since({}) if b.replica == scope.replica)
                self.give_up(Adopt("the others have folded what this replica has not seen", lost))

    def give_up(self, effect: Restart | Adopt) -> None:
        """Say once that the id is used up."""
        if not self.given_up:
            self.given_up = self.links.mute = True
            self.links.out.append(effect)
