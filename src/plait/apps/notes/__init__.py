"""Notes: written together, offline too. `Note` is what they are; the pages are in `web/`."""

from plait.apps.notes.model import COLLECTION, Note, open_notes

__all__ = ["COLLECTION", "Note", "open_notes"]
