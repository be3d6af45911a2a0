"""A command or a query of a machine's class: its signature, and its arguments as bytes.

The caller's side binds and encodes, and tries to decode as the machine will, so that a mistake is
raised before anything is sent. The machine's side decodes each argument by its annotation.
"""

import inspect
from typing import Any, get_type_hints

import msgspec

from plait.base.codec import VALUE_BYTES_MAX
from plait.base.errors import BadCall, BadMachine, BadValue
from plait.types.state_machine import COMMAND, KIND, StateMachine

# What callers find on the handle, and what the machine itself needs.
RESERVED = (
    "at_once", "context", "info", "line", "machine_name", "name", "restore", "settings", "snapshot",
    "stale", "version",
)  # fmt: skip

_encode = msgspec.msgpack.Encoder().encode
_raws = msgspec.msgpack.Decoder(list[msgspec.Raw])
_raw_map = msgspec.msgpack.Decoder(dict[str, msgspec.Raw])
_plain: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder()

_Decoder = msgspec.msgpack.Decoder[Any]


class Method:
    """One method that can be called from afar."""

    def __init__(self, owner: str, name: str, function: Any) -> None:
        self.name = name
        self.function = function
        self.is_command: bool = getattr(function, KIND) == COMMAND
        self._title = f"{owner}.{name}"
        parameters = list(inspect.signature(function).parameters.values())
        if not parameters or inspect.iscoroutinefunction(function):
            raise BadMachine(f"{self._title} must be a plain method: def {name}(self, ...)")
        self.signature = inspect.Signature(parameters[1:])
        hints = self._hints()
        decoders = {name: self._decoder(hint) for name, hint in hints.items()}
        self._returned = decoders.get("return", _plain)
        self._positional: list[_Decoder] = []  # of positional parameters, in order
        self._named: dict[str, _Decoder] = {}
        self._more: _Decoder = _plain  # of *args
        self._others: _Decoder = _plain  # of **kwargs
        for parameter in parameters[1:]:
            decoder = decoders.get(parameter.name, _plain)
            if parameter.kind is parameter.VAR_POSITIONAL:
                self._more = decoder
            elif parameter.kind is parameter.VAR_KEYWORD:
                self._others = decoder
            else:
                self._named[parameter.name] = decoder
                if parameter.kind is not parameter.KEYWORD_ONLY:
                    self._positional.append(decoder)

    # ------------------------------------------------------------------ the caller's side

    def encode(self, args: Any, kwargs: Any) -> tuple[msgspec.Raw, msgspec.Raw]:
        """Arguments for the wire; `BadCall` if they do not fit, `BadValue` if they cannot go."""
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise BadCall(f"{self._title}(): {error}") from None
        try:
            encoded = _encode(bound.args), _encode(bound.kwargs)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise BadValue(f"{self._title}(): an argument cannot be sent: {error}") from None
        if len(encoded[0]) + len(encoded[1]) > VALUE_BYTES_MAX:
            raise BadValue(f"{self._title}(): more than {VALUE_BYTES_MAX} bytes of arguments")
        raws = msgspec.Raw(encoded[0]), msgspec.Raw(encoded[1])
        try:
            self.decode(*raws)
        except RecursionError:
            raise BadValue(f"{self._title}(): an argument is nested too deeply") from None
        return raws

    def decode_returned(self, data: bytes | msgspec.Raw) -> Any:
        """What the method returned, as its annotation says; plainly if it is not so.

        By then it has happened, and an error would say that it had not.
        """
        try:
            return self._returned.decode(data)
        except msgspec.DecodeError:
            return _plain.decode(data)

    # ------------------------------------------------------------------ the machine's side

    def decode(self, args: msgspec.Raw, kwargs: msgspec.Raw) -> tuple[list[Any], dict[str, Any]]:
        """The arguments, each as its annotation says; `BadValue` names the one that is not so."""
        index: int | str = 0
        try:
            values = []
            for index, raw in enumerate(_raws.decode(args)):
                positional = self._positional
                decoder = positional[index] if index < len(positional) else self._more
                values.append(decoder.decode(raw))
            named = {}
            for index, raw in _raw_map.decode(kwargs).items():
                named[index] = self._named.get(index, self._others).decode(raw)
        except msgspec.DecodeError as error:
            raise BadValue(f"{self._title}(): argument {self._name(index)}: {error}") from None
        return values, named

    def _name(self, index: int | str) -> str:
        if isinstance(index, str):
            return index
        names = list(self.signature.parameters)
        return names[index] if index < len(names) else str(index)

    def _hints(self) -> dict[str, Any]:
        try:
            return get_type_hints(self.function)
        except Exception as error:
            raise BadMachine(f"the annotations of {self._title} cannot be read: {error}") from None

    def _decoder(self, hint: Any) -> _Decoder:
        if hint is Any:
            return _plain
        try:
            return msgspec.msgpack.Decoder(hint)
        except (TypeError, ValueError) as error:
            raise BadMachine(f"{self._title}: {hint} cannot be decoded: {error}") from None

    def __repr__(self) -> str:
        return f"{self._title}{self.signature}"


def methods_of(kind: type[StateMachine]) -> dict[str, Method]:
    """The commands and queries of a class, by name; `BadMachine` if it cannot be a machine."""
    if not (isinstance(kind, type) and issubclass(kind, StateMachine)):
        raise BadMachine(f"{kind!r} is no class derived from plait.StateMachine")
    if type(kind.version) is not int or kind.version < 1:
        raise BadMachine(f"{kind.__name__}.version is {kind.version!r}, not 1, 2, ...")
    found: dict[str, Method] = {}
    for name in dir(kind):
        function = inspect.getattr_static(kind, name)
        if not hasattr(function, KIND):
            continue
        if name in RESERVED or name.startswith("_"):
            raise BadMachine(f"{kind.__name__}.{name}: no command or query can be called that")
        found[name] = Method(kind.__name__, name, function)
    if not found:
        raise BadMachine(f"{kind.__name__} has no method with @plait.command or @plait.query")
    return found
