"""Undoing and redoing: a step of the stack, written as one batch."""

from plait.api.documents.access import Access
from plait.types.catalogue import type_of
from plait.types.paths import tag_of


def replay(access: Access, key: str | None, again: bool) -> bool:
    """Take back (`again`: do again) the newest step that touches `key`, or any if None.

    All of it or, if it is refused, nothing: then it stays to be taken back later. What others
    have overwritten is left alone. False if there is no such step.
    """
    access.check()
    undo = access.undo
    step = undo.newest(key, again)
    if step is None:
        return False
    access.replica.begin("redo" if again else "undo")
    undo.begin_replay()
    try:
        for entry in reversed(step):
            type_ = type_of(tag_of(entry.path[-1]))
            if entry.if_gone and access.alive(entry.key, entry.path, type_):
                continue
            access.mutate(entry.key, entry.path, type_, entry.mutation)
        access.replica.commit()
    except BaseException:
        undo.abandon_replay()
        access.replica.discard()
        raise
    undo.end_replay(step, again)
    return True
