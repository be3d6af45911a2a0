"""The models that histories are judged by, and the choice of one by what a history does."""

from plait.check.history import History, bad
from plait.check.models.bank import Bank
from plait.check.models.base import ILLEGAL, Model, Part
from plait.check.models.kv import KeyValue
from plait.check.models.queue import Queue
from plait.check.models.register import CasRegister, Register
from plait.check.models.sets import Set

__all__ = [
    "ILLEGAL", "MODELS", "Bank", "CasRegister", "KeyValue", "Model", "Part", "Queue", "Register",
    "Set", "choose_model", "model_named",
]  # fmt: skip

# From the plainest to the richest: the first that has all functions of a history is meant.
_KINDS: tuple[type[Model], ...] = (Register, CasRegister, KeyValue, Queue, Set, Bank)
MODELS: dict[str, type[Model]] = {kind.name: kind for kind in _KINDS}


def model_named(name: str, history: History) -> Model:
    """A fresh model by its name."""
    kind = MODELS.get(name)
    if kind is None:
        raise bad(history.source, 0, f"no model {name!r}; there are {', '.join(MODELS)}")
    return kind()


def choose_model(history: History) -> Model:
    """The model whose operations these are."""
    functions = {operation.f for operation in history.operations}
    if history.format == "kv" and functions <= KeyValue.functions and functions - {"read", "write"}:
        return KeyValue() if functions & {"get", "put", "append"} else CasRegister()
    for kind in _KINDS:
        if functions <= kind.functions:
            return kind()
    raise bad(
        history.source, 0, f"no model has all of {', '.join(sorted(functions))}; "
        "--model says what was meant",
    )  # fmt: skip
