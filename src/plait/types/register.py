"""The registers of the catalogue, one for each way to read concurrent writes."""

from plait.types.ask_register import ASK, AskRegister
from plait.types.concurrent_register import Sibling, Siblings
from plait.types.last_writer_wins import LAST_WRITER_WINS, LastWriterWins
from plait.types.merge_register import MERGE, MergeRegister

__all__ = [
    "ASK",
    "LAST_WRITER_WINS",
    "MERGE",
    "AskRegister",
    "LastWriterWins",
    "MergeRegister",
    "Sibling",
    "Siblings",
]
