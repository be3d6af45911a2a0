"""The notes app as a site: a folder of static files, and a collection that is there.

Everything that happens, happens in the browser: its replica (`/client.js`) speaks to the node by
itself. So nothing here sees what people write.
"""

from pathlib import Path
from typing import Final

from plait.api.store import Store
from plait.apps import App, Site
from plait.apps.notes.model import open_notes
from plait.apps.notes.sample import fill
from plait.doors.http.pages import Pages

WEB: Final = Path(__file__).parent / "web"


def app(_store: Store) -> App:
    """What answers at /apps/notes/."""
    return Pages(WEB, joined=["main.js"])


async def prepare(store: Store) -> None:
    """Make the collection, unless it is there."""
    await open_notes(store)


SITE: Final = Site("notes", "Notes", app, prepare, fill)
