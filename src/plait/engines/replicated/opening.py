"""What a member must know of its log before it begins: whether it is sealed."""

from plait.base.ports import LogStorage
from plait.line.entry import Kind, decode_entry
from plait.line.replication.member import Member


def find_seal(storage: LogStorage, member: Member) -> int | None:
    """The position of the seal among the last entries; nothing of any use stands behind a seal."""
    log = member.log
    for position in range(log.durable - 1, log.head - 1, -1):
        kept = log.kept(position)
        if kept is None:
            entry = decode_entry(storage.read(member.line, position, position + 1, 1)[0])
        else:
            entry = kept.entry
        if entry.kind is Kind.SEAL:
            return position
        if entry.kind is Kind.DATA:
            return None
    return None
