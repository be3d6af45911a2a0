"""Watching one text: whoever applies the patches to a copy has the text, whatever happens to it.

That is more than its own edits: the document may be deleted and come back, or arrive as a whole.

Invariant: the copy that the patches told so far make has `_length` characters. Where that is not
what the text has once a batch took effect, the text is told as a whole.
"""

from collections.abc import Sequence

from plait.api.documents.access import Access
from plait.api.documents.naming import names_of
from plait.api.documents.watching import Change, Patch, Watch, patches_of
from plait.engines.graph_port import Changed
from plait.types.paths import Path


class TextWatch(Watch):
    """An async iterator of `Change`, of one text; made by `TextView.watch`."""

    def __init__(self, access: Access, key: str, path: Path) -> None:
        self._place = path
        self._told = False  # as a whole: what else took effect by now is in it
        self._length = 0
        super().__init__(access, None, key, names_of(path))
        self._length = len(self._text())

    def _text(self) -> str:
        state = self._access.view.object(self._key or "", self._place)
        return "" if state is None else state.text()

    def _is_watched(self, changed: Changed) -> bool:
        return changed.key == self._key and changed.path in (self._place, ())

    def _tell(self, batch: Sequence[Changed]) -> None:
        self._told = False
        watched = [changed for changed in batch if self._is_watched(changed)]
        if watched:
            super()._tell(watched)
            self._catch_up()

    def _change(self, changed: Changed) -> Change:
        change = super()._change(changed)
        if self._told:
            return change._replace(patches=())
        patches = patches_of(changed)
        if patches is None:  # the document was deleted, or is there again
            return change._replace(patches=self._whole())
        self._length += sum(len(content) - gone for _, gone, content in patches)
        return change

    def _catch_up(self) -> None:
        """Tell the text as a whole if it is not what the patches make."""
        if self._ready and self._length != len(self._text()):
            last = self._ready[-1]
            self._ready[-1] = last._replace(patches=(*last.patches, *self._whole()))

    def _whole(self) -> tuple[Patch, ...]:
        """What makes the present text of the copy, whatever is in it."""
        text, length = self._text(), self._length
        self._told, self._length = True, len(text)
        return ((0, length, text),) if length or text else ()
