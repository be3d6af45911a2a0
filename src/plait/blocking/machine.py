"""Machines without ``await``."""

from collections.abc import Callable
from typing import Any

from plait.api import machine
from plait.api.infos import MachineInfo
from plait.api.settings import Settings
from plait.host.portal import Portal


class Machine:
    """A handle on one machine, through one session; usable from any thread.

    Its methods are the commands and queries of the machine's class.
    """

    def __init__(self, portal: Portal[Any], inner: machine.Machine) -> None:
        self._portal = portal
        self._inner = inner

    @property
    def info(self) -> MachineInfo:
        """What the cluster knows of the machine: line, settings and class."""
        return self._inner.info

    @property
    def name(self) -> str:
        """The machine's name."""
        return self._inner.name

    @property
    def settings(self) -> Settings:
        """How its copies agree."""
        return self._inner.settings

    @property
    def line(self) -> str:
        """The line that it has to itself."""
        return self._inner.line

    def stale(self, max_lag: float) -> "Machine":
        """The same machine, asked at any replica that is at most `max_lag` seconds behind."""
        return Machine(self._portal, self._inner.stale(max_lag))

    def at_once(self, name: str, /, *args: Any, **kwargs: Any) -> Any | None:
        """The answer of the query `name` if this process has it without waiting for others; None:
        it has not. See `plait.Machine.at_once`."""
        return self._portal.call_plain(self._inner.at_once, name, *args, **kwargs)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._inner, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            return self._portal.call(method(*args, **kwargs))

        return call

    def __dir__(self) -> list[str]:
        return dir(self._inner)

    def __repr__(self) -> str:
        return repr(self._inner)
