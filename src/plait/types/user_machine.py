"""The fold of a user's machine: its commands applied, undone when they raise, and saved.

::

    image ──► since: commands applied after it ──► instance
      │                                              │
      └── a command raises: a fresh instance from the image, and `since` run again

Invariant: `instance` is what the image and `since` give; so a command that raises leaves nothing
behind. Saving makes a new image, and so does an undoing that had to run many commands again: an
exception costs as much as loading the state, and time in proportion to `since` at most.

What a command raises is its outcome, the same everywhere, but for what depends on the process
(memory, stack, files): that stops the replica. Absent: exceptions on the wire; their class's name
and text are all that travels.
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec

from plait.base.codec import checksum, decode, encode, encode_value
from plait.base.errors import (
    BadCall,
    BadValue,
    CommandFailed,
    Corrupt,
    MachineMissing,
    MachineState,
    MachineVersion,
)
from plait.types.commands import Call, Command
from plait.types.fold import Failed, Result, Returned, Stamp, View
from plait.types.keys import MACHINE, OFFSETS_MAX, chunk_key
from plait.types.machine import stamp_after
from plait.types.machine_state import canonical_state, encode_state, new_instance
from plait.types.machines import MachineClass, Machines
from plait.types.method import Method
from plait.types.queries import Ask
from plait.types.state_machine import CommandContext, Reject, StateMachine

CHUNK_BYTES = 1 << 20
SAVE_BYTES_MIN = 1 << 20  # of log, between two saves
RETURN_BYTES_MAX = 1 << 20
TEXT_MAX = 1000  # characters of an exception
REPLAYED_MAX = 256  # commands, before an undoing makes a new image
_CALL_BYTES = 128  # what a command in `since` costs beside its arguments

_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")
_NIL = encode(None)
_HOST_ERRORS = (MemoryError, RecursionError, OSError)


class Header(msgspec.Struct, frozen=True, array_like=True):
    """What the chunks in the view come to."""

    class_name: str
    version: int
    size: int
    chunks: int
    checksum: int


class UserMachine:
    """Runs an instance of the class that the node has registered under `class_name`."""

    def __init__(self, name: str, class_name: str, machines: Machines) -> None:
        self.name = name
        self.class_name = class_name
        self._machines = machines
        self._class: MachineClass | None = None  # that the instance is of
        self._instance: Any = None
        self._image: bytes | None = None  # an encoded state; None: what `__init__` makes
        self._since: list[tuple[Stamp, Call]] = []
        self._since_bytes = 0
        self._chunks = 0  # in the view
        self._saved = True  # the view holds the image, and `since` is empty

    @property
    def outdated(self) -> bool:
        """Whether another class was registered than the one that runs."""
        return self._class is not self._machines.find(self.class_name)

    # ------------------------------------------------------------------ applying

    def check(self, commands: Sequence[Command]) -> None:
        """Refuse calls that this node's class is too old for, before they are logged."""
        newest = max((call.version for call in commands if isinstance(call, Call)), default=0)
        self._check_version(newest)

    def apply_all(
        self, view: View, stamp: Stamp, commands: Sequence[Command]
    ) -> list[tuple[int, Result]]:
        """Run commands that stand together; what failed or returned something."""
        found: list[tuple[int, Result]] = []
        for index, command in enumerate(commands):
            result = self.apply(view, stamp_after(stamp, index), command)
            if result is not None:
                found.append((index, result))
        return found

    def apply(self, view: View, stamp: Stamp, command: Command) -> Result | None:
        """Run one command, or undo it if it raises."""
        if not isinstance(command, Call):
            return Failed("UsageError", f"{type(command).__name__} is no command of a machine")
        self._check_version(command.version)
        try:
            method = self._method(command.method, is_command=True)
            args, kwargs = method.decode(command.args, command.kwargs)
        except (BadCall, BadValue) as error:
            return Failed(error.code, error.message)
        self._saved = False
        try:
            value = _run(self._instance, method, args, kwargs, stamp, command.version)
        except _HOST_ERRORS:
            raise
        except Reject as error:
            self._remember(stamp, command)
            return _failed(method, error)
        except Exception as error:
            self._undo()
            return _failed(method, error)
        self._remember(stamp, command)
        return None if value == _NIL else Returned(value)

    def ask(self, ask: Ask, time_ms: int) -> msgspec.Raw:
        """Run a query; `CommandFailed` if it raises."""
        method = self._method(ask.method, is_command=False)
        args, kwargs = method.decode(ask.args, ask.kwargs)
        self._instance._plait_context = CommandContext(time_ms, self._now().name.version, None)
        try:
            return msgspec.Raw(encode_value(method.function(self._instance, *args, **kwargs)))
        except _HOST_ERRORS:
            raise
        except Exception as error:
            failed = _failed(method, error)
            raise CommandFailed(failed.message, **failed.details) from None
        finally:
            self._instance._plait_context = None

    def seed(self) -> int | None:
        """Chance for the commands of the next entry."""
        return self._machines.random.getrandbits(64)

    def _now(self) -> MachineClass:
        if self._class is None:
            raise MachineMissing(f"machine {self.name!r} has not begun at this node")
        return self._class

    def _method(self, name: str, is_command: bool) -> Method:
        method = self._now().methods.get(name)
        if method is None or method.is_command is not is_command:
            kind = "command" if is_command else "query"
            raise BadCall(f"{self.class_name} has no {kind} {name!r} at this node")
        return method

    def _check_version(self, version: int) -> None:
        here = self._now().name.version
        if version > here:
            raise MachineVersion(
                f"machine {self.name!r} needs version {version} of {self.class_name}, "
                f"and this node has version {here}"
            )

    # ------------------------------------------------------------------ undoing

    def _remember(self, stamp: Stamp, call: Call) -> None:
        self._since.append((stamp, call))
        self._since_bytes += len(call.args) + len(call.kwargs) + _CALL_BYTES
        if self._since_bytes > 2 * self.save_bytes():  # nobody could save it meanwhile
            self._take_image()

    def _undo(self) -> None:
        instance = new_instance(self._now().kind, self._image)
        for stamp, call in self._since:
            method = self._method(call.method, is_command=True)
            args, kwargs = method.decode(call.args, call.kwargs)
            try:
                _run(instance, method, args, kwargs, stamp, call.version)
            except _HOST_ERRORS:
                raise
            except Reject:
                continue
            except Exception as error:
                raise MachineState(
                    f"{method} succeeded, and run again on the same state it raised {error!r}: "
                    f"{self.class_name} is not deterministic"
                ) from error
        self._instance = instance
        if len(self._since) > REPLAYED_MAX:
            self._take_image()

    def _take_image(self) -> None:
        self._image = encode_state(self._instance)
        self._since.clear()
        self._since_bytes = 0

    # ------------------------------------------------------------------ the view

    def load(self, view: View) -> None:
        """Begin with the state in the view, with the class that is registered now."""
        self._class = self._instance = None
        found = self._machines.find(self.class_name)
        data = view.get(MACHINE, chunk_key(0))
        header = None if data is None else decode(data, type=Header)
        self._class = found
        image = None
        if header is not None:
            self._check_version(header.version)
            image = self._read(view, header)
        self._instance = new_instance(found.kind, image)
        self._image, self._saved = image, True
        self._chunks = 0 if header is None else header.chunks
        self._since.clear()
        self._since_bytes = 0

    def _read(self, view: View, header: Header) -> bytes:
        pieces: list[bytes] = []
        for number in range(1, header.chunks + 1):
            pieces.append(view.get(MACHINE, chunk_key(number)) or b"")
        image = b"".join(pieces)
        if len(image) != header.size or checksum(image) != header.checksum:
            raise Corrupt(f"the saved state of machine {self.name!r} fails its checksum")
        return image

    def save(self, view: View) -> None:
        """Put the whole state into the view, if it changed since."""
        if self._saved or self._class is None:
            return
        self._take_image()
        image = self._image or b""
        chunks = -(-len(image) // CHUNK_BYTES)
        assert chunks < OFFSETS_MAX
        for number in range(1, chunks + 1):
            chunk = image[(number - 1) * CHUNK_BYTES : number * CHUNK_BYTES]
            view.put(MACHINE, chunk_key(number), chunk)
        for number in range(chunks + 1, self._chunks + 1):
            view.put(MACHINE, chunk_key(number), None)
        header = Header(
            self.class_name, self._class.name.version, len(image), chunks, checksum(image)
        )
        view.put(MACHINE, chunk_key(0), encode(header))
        self._chunks, self._saved = chunks, True

    def save_bytes(self) -> int:
        """As many bytes of log as the state has, so that saving costs no more than logging."""
        return max(SAVE_BYTES_MIN, len(self._image or b""))

    @property
    def fold(self) -> int:
        """The version of the class: a newer one may keep its state in another shape."""
        return self._now().name.version

    def digest(self) -> bytes:
        """A hash of the whole state; costs as much as saving it."""
        return sha256(canonical_state(self._instance)).digest()


def _run(
    instance: StateMachine,
    method: Method,
    args: list[Any],
    kwargs: dict[str, Any],
    stamp: Stamp,
    version: int,
) -> bytes:
    """Run a command; what it returned, encoded, for that is part of its success."""
    seed = stamp.seed * OFFSETS_MAX + stamp.offset  # each command of an entry has its own
    instance._plait_context = CommandContext(stamp.time_ms, version, seed)
    try:
        data = encode_value(method.function(instance, *args, **kwargs))
    finally:
        instance._plait_context = None
    if len(data) > RETURN_BYTES_MAX:
        raise BadValue(f"a command returns at most {RETURN_BYTES_MAX} bytes, not {len(data)}")
    return data


def _failed(method: Method, error: Exception) -> Failed:
    """An exception as an outcome: equal at every replica, so without addresses of objects."""
    name = type(error).__name__
    try:
        text = error.message if isinstance(error, BadValue) else str(error)
    except Exception:
        text = ""
    text = _ADDRESS.sub("", text)[:TEXT_MAX].encode(errors="replace").decode()
    message = f"{method.name}() raised {name}: {text}" if text else f"{method.name}() raised {name}"
    return Failed("CommandFailed", message, {"type": name, "text": text, "method": method.name})
