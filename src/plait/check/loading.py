"""`load_history`: a file becomes a history."""

from plait.check.formats import Format, parse_history
from plait.check.history import History
from plait.check.world import FilePath, read_bytes


def load_history(path: FilePath, form: Format | None = None) -> History:
    """The history in a file, gzip or not; `form` None: the format is guessed.

    Raises `BadHistory`, which names file and line, if it cannot be read.
    """
    return parse_history(read_bytes(path), str(path), form)
