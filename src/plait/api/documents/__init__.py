"""Documents: graphs as Python sees them, with typed fields, changes, undo, history, conflicts.

Everything here stands on `plait.engines.graph_port` and `plait.types`; nothing waits but
`Documents.flush`, `Documents.load` and a watch.
"""

from plait.api.documents.conflicts import Conflict, Sibling
from plait.api.documents.counters import BoundedCounterView, CounterView, GrowCounterView
from plait.api.documents.document import Document, JsonDocument, Nested
from plait.api.documents.fields import (
    AddWinsSet,
    BoundedCounter,
    Counter,
    Custom,
    DisableFlag,
    EnableFlag,
    GrowCounter,
    GrowSet,
    RemoveWinsSet,
    TwoPhaseSet,
)
from plait.api.documents.handle import Documents
from plait.api.documents.history import Version
from plait.api.documents.json import Json, JsonView
from plait.api.documents.lists import List, ListView
from plait.api.documents.maps import Map, MapView
from plait.api.documents.presence import Here, Presence, PresenceWatch
from plait.api.documents.refused import RefusedEdit, RefusedWatch
from plait.api.documents.registers import Loser, Register, RegisterView
from plait.api.documents.resolve import Ask, LastWriterWins, Merge, Resolve
from plait.api.documents.sets import GrowSetView, SetView
from plait.api.documents.text import Text, TextView
from plait.api.documents.text_blame import Blame
from plait.api.documents.text_branch import TextBranch
from plait.api.documents.text_cursors import Cursor
from plait.api.documents.trees import Tree, TreeView
from plait.api.documents.view import CustomView, View
from plait.api.documents.watching import Change, Watch

__all__ = [
    "AddWinsSet",
    "Ask",
    "Blame",
    "BoundedCounter",
    "BoundedCounterView",
    "Change",
    "Conflict",
    "Counter",
    "CounterView",
    "Cursor",
    "Custom",
    "CustomView",
    "DisableFlag",
    "Document",
    "Documents",
    "EnableFlag",
    "GrowCounter",
    "GrowCounterView",
    "GrowSet",
    "GrowSetView",
    "Here",
    "Json",
    "JsonDocument",
    "JsonView",
    "LastWriterWins",
    "List",
    "ListView",
    "Loser",
    "Map",
    "MapView",
    "Merge",
    "Nested",
    "Presence",
    "PresenceWatch",
    "RefusedEdit",
    "RefusedWatch",
    "Register",
    "RegisterView",
    "RemoveWinsSet",
    "Resolve",
    "SetView",
    "Sibling",
    "Text",
    "TextBranch",
    "TextView",
    "Tree",
    "TreeView",
    "TwoPhaseSet",
    "Version",
    "View",
    "Watch",
]
