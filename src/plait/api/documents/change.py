"""Changes: what is written inside ``with docs.change("message")`` is one batch, or never happened.

Others see it when the `with` ends, with its message; an exception discards it, and views show the
old values again. A change inside a change of the same task joins it. If a change that joined ends
with an exception that somebody catches, half of it is written: the outer one then refuses to be
kept, for it would no longer be all or nothing.
"""

from contextvars import ContextVar
from types import TracebackType

from plait.api.documents.access import Access
from plait.base.errors import Refused


class _Draft:
    """A change that is open."""

    __slots__ = ("accesses", "failed", "is_open")

    def __init__(self, access: Access) -> None:
        self.accesses = [access]  # the handle that opened it, and others that joined
        self.is_open = True
        self.failed: BaseException | None = None  # ended a change that had joined this one


# Which changes this task is in; a context variable, as `await` may let other tasks run inside one.
_drafts: ContextVar[tuple[_Draft, ...]] = ContextVar("plait_changes", default=())


class OpenChange:
    """``with`` this; made by `Documents.change` and `Document.change`. Used once."""

    __slots__ = ("_access", "_draft", "_joined", "_message")

    def __init__(self, access: Access, message: str | None) -> None:
        self._access = access
        self._message = message
        self._draft: _Draft | None = None
        self._joined = False

    def __enter__(self) -> "OpenChange":
        access = self._access
        access.check()
        if self._draft is not None:
            raise Refused("a change is entered once; call change() again for another")
        for draft in _drafts.get():
            if draft.is_open and draft.accesses[0].replica is access.replica:
                self._draft, self._joined = draft, True
                if access.undo.open():
                    draft.accesses.append(access)
                return self
        access.replica.begin(self._message)
        access.undo.open()
        self._draft = _Draft(access)
        _drafts.set((*(d for d in _drafts.get() if d.is_open), self._draft))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        draft, access = self._draft, self._access
        assert draft is not None, "it was entered"
        if self._joined:
            if error is not None and draft.failed is None:
                draft.failed = error
            return
        draft.is_open = False
        _drafts.set(tuple(d for d in _drafts.get() if d.is_open))
        if error is None and draft.failed is None:
            self._commit(draft)
            return
        for one in draft.accesses:
            one.undo.drop()
        access.replica.discard()
        if error is None:
            raise Refused(
                "nothing of this change was kept: a change inside it ended with"
                f" {type(draft.failed).__name__}"
            ) from draft.failed

    def _commit(self, draft: _Draft) -> None:
        try:
            self._access.replica.commit()
        except BaseException:
            for access in draft.accesses:
                access.undo.drop()
            raise
        for access in draft.accesses:
            access.undo.close()
