"""A machine's handle: the class's commands and queries as methods that are awaited.

::

    bank = await store.machine("bank", Bank, Consensus())
    await bank.transfer("a", "b", 10)      # a command: ordered, run at every replica
    await bank.total()                     # a query: as fresh as the collection promises
    await bank.stale(1.0).total()          # from any replica at most a second behind

Arguments are checked against the signature and the annotations before anything is sent. Absent:
the machine itself; an instance lives at each replica (`plait.types.user_machine`).
"""

import difflib
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from plait.api.context import Context
from plait.api.infos import MachineInfo
from plait.api.messages import Ask
from plait.api.settings import ReadOptions, Settings
from plait.base.codec import encode
from plait.types.commands import Call
from plait.types.machines import MachineClass
from plait.types.method import Method


class Machine:
    """A handle on one machine, through one session."""

    def __init__(
        self, context: Context, info: MachineInfo, described: MachineClass, options: ReadOptions
    ) -> None:
        self._context = context
        self._info = info
        self._class = described
        self._options = options

    @property
    def info(self) -> MachineInfo:
        """What the cluster knows of the machine: line, settings and class."""
        return self._info

    @property
    def name(self) -> str:
        """The machine's name."""
        return self._info.name

    @property
    def settings(self) -> Settings:
        """How its copies agree."""
        return self._info.settings

    @property
    def line(self) -> str:
        """The line that it has to itself."""
        return self._info.line

    def stale(self, max_lag: float) -> "Machine":
        """The same machine, asked at any replica that is at most `max_lag` seconds behind."""
        options = ReadOptions("nearest", max_lag)
        return Machine(self._context, self._info, self._class, options)

    # ------------------------------------------------------------------ the class's own methods

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        method = self._class.methods.get(name)
        if method is None:
            raise AttributeError(self._unknown(name), name=name, obj=self)
        return partial(self._command if method.is_command else self._query, method)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._class.methods]

    async def _command(self, method: Method, /, *args: Any, **kwargs: Any) -> Any:
        self._context.check()
        call = Call(method.name, *method.encode(args, kwargs), self._class.name.version)
        receipt = await self._context.submit(self._info.line, encode(call), None)
        return None if receipt.returned is None else method.decode_returned(receipt.returned)

    async def _query(self, method: Method, /, *args: Any, **kwargs: Any) -> Any:
        ask = Ask(method.name, *method.encode(args, kwargs))
        answers = await self._context.read(self._info.line, (ask,), self._options)
        return method.decode_returned(answers.values[0])

    def at_once(self, name: str, /, *args: Any, **kwargs: Any) -> Any | None:
        """The answer of the query `name`, as fresh as if it were awaited, if this process has it
        without waiting: where the machine runs here, and is led from here. None: it has not."""
        method = self._class.methods[name]
        ask = Ask(method.name, *method.encode(args, kwargs))
        answers = self._context.glance(self._info.line, (ask,), self._options)
        return None if answers is None else method.decode_returned(answers.values[0])

    def _unknown(self, name: str) -> str:
        methods = self._class.methods
        close = difflib.get_close_matches(name, methods, 1)
        advice = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(sorted(methods))}"
        return f"{self._class.name.name} has no command or query {name!r}; {advice}"

    def __repr__(self) -> str:
        lag = (
            "" if self._options.max_lag_s is None else f" at most {self._options.max_lag_s:g} s old"
        )
        kind = self._class.name
        return f"<Machine {self.name!r}: {kind.name} version {kind.version} on {self.line!r}{lag}>"
