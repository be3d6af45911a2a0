"""Views on flags."""

from typing import Final

from plait.api.documents.view import TypedView
from plait.types.disable_flag import DisableFlag
from plait.types.enable_flag import EnableFlag

_ENABLE_WINS: Final = EnableFlag()
_DISABLE_WINS: Final = DisableFlag()


class FlagView(TypedView):
    """Yes or no; ``if doc.flag:`` and ``doc.flag = True`` work as well."""

    __slots__ = ()

    def enable(self) -> None:
        """Make it true."""
        self._access.mutate(self._key, self._path, ("enable",))

    def disable(self) -> None:
        """Make it false."""
        self._access.mutate(self._key, self._path, ("disable",))

    def __bool__(self) -> bool:
        return bool(self.value)


class EnableFlagView(FlagView):
    """Enabled if somebody enabled it while somebody else disabled it."""

    __slots__ = ()
    _type = _ENABLE_WINS


class DisableFlagView(FlagView):
    """Disabled if somebody disabled it while somebody else enabled it."""

    __slots__ = ()
    _type = _DISABLE_WINS
