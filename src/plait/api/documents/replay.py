"""Undoing and redoing: a step of the stack, written as one batch."""

from plait.api.documents.access import Access
from plait.api.documents.undo import RESTORE, Restored
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
    todo = list(step)
    restored: list[Restored] = []
    access.replica.begin("redo" if again else "undo")
    undo.begin_replay()
    try:
        for index in range(len(todo) - 1, -1, -1):
            entry = todo[index]
            type_ = type_of(tag_of(entry.path[-1]))
            if entry.if_gone and access.alive(entry.key, entry.path, type_):
                continue
            dot = access.mutate(entry.key, entry.path, entry.mutation)
            if dot is not None and entry.mutation[0] == RESTORE and entry.mutation[2] is True:
                found = Restored(entry.key, entry.path, entry.mutation[-1], dot)
                if not found.re_aim(todo, index):
                    restored.append(found)
        access.replica.commit()
    except BaseException:
        undo.abandon_replay()
        access.replica.discard()
        raise
    undo.end_replay(step, again, restored)
    return True
