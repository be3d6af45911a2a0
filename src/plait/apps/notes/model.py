"""What a note is: the same fields as in `web/schema.js`, so that programs read and write them too.

The body is Markdown-like by lines: what a line is (a heading, an item, something to do) stands in
its first characters, ``"## "``, ``"- "``, ``"- [x] "``; so a program that knows no more than the
text reads it right, and writes it with a plain string. What is bold, italic, struck, code or a link
is a mark on characters, ``bold``, ``italic``, ``strike``, ``code``, ``link``. `web/lines.js` says
why lines and marks are kept so differently.

Invariant: `title` and `when` ask: what two people wrote there at the same time is never decided by
a clock.
"""

from typing import Final

from plait.api.documents import (
    AddWinsSet,
    Ask,
    Document,
    Documents,
    EnableFlag,
    Register,
    Text,
)
from plait.api.settings import Eventual
from plait.api.store import Store
from plait.base.errors import BadSettings

COLLECTION: Final = "notes"


class Note(Document):
    """One note."""

    title = Register(str, resolve=Ask())
    when = Register(str, resolve=Ask())  # the day it is about, "2026-05-17"; "" and None: of none
    body = Text()
    tags = AddWinsSet(str)
    pinned = EnableFlag()
    made = Register(int)  # milliseconds since 1970
    edited = Register(int)  # when somebody last wrote in it; milliseconds since 1970


async def open_notes(store: Store, author: str | None = None) -> Documents[Note]:
    """The notes of a store; made if there are none yet, with a history that is kept. Where
    somebody made the collection with other settings, those hold."""
    try:
        return await store.documents(COLLECTION, Note, Eventual(history="forever"), author=author)
    except BadSettings:
        return await store.documents(COLLECTION, Note, author=author, create=False)
