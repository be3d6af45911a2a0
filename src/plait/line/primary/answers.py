"""What a member answers to a candidate: a promise with the end of its log, and parts of its log."""

from plait.line.primary.member import Member
from plait.line.primary.messages import Fetch, Fetched, Promise, Seal
from plait.line.primary.vocabulary import LoadForCandidate
from plait.line.replication.progress import APPEND_BYTES


def promise_of(member: Member, seal: Seal, granted: bool) -> Promise:
    """A member's answer to a seal."""
    log = member.log
    return Promise(
        member.line, seal.epoch, seal.binding, granted, member.promised, log.last_epoch,
        log.head, log.tail, member.fresh, member.bar(seal.epoch.candidate),
        member.has_left(seal),
    )  # fmt: skip


def answer_fetch(member: Member, peer: str, message: Fetch) -> None:
    """Send a candidate that was promised what it lacks, or where to try next."""
    log = member.log
    if message.epoch != member.promised:
        return
    if message.start > log.tail or log.epoch_at(message.start - 1) != message.previous:
        hint = min(log.tail, message.start - 1)
        if log.head <= hint < log.tail:
            hint = log.epoch_start(hint)
        member.send(peer, _fetched(member, message, matched=False, start=hint))
    elif message.start >= log.window_start:
        rows = log.rows(message.start, APPEND_BYTES)
        member.send(peer, _fetched(member, message, matched=True, start=message.start, rows=rows))
    else:
        load = LoadForCandidate(peer, message.start, message.previous, message.epoch)
        member.effects.append(load)


def _fetched(
    member: Member, asked: Fetch, *, matched: bool, start: int, rows: tuple[bytes, ...] = ()
) -> Fetched:
    log = member.log
    return Fetched(
        member.line, asked.epoch, matched, start, asked.previous, rows, log.tail, log.head
    )
