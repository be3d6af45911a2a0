"""What a round through a shared folder, or a relay, did, and what was wrong."""

import msgspec


class CollectionReport(msgspec.Struct):
    """One collection in one round."""

    name: str
    others: int = 0  # stores that left something of it
    events_in: int = 0
    events_out: int = 0
    bytes_out: int = 0
    admitted: list[str] = []
    asks: bool = False  # this store asks to be admitted
    waits: str = ""  # what has to come from others before it is complete
    error: str = ""


class RoundReport(msgspec.Struct):
    """One round."""

    writer: str = ""
    collections: list[CollectionReport] = []
    bytes_in: int = 0
    bytes_out: int = 0
    removed: int = 0  # files of this store that nobody needs any more
    bad: list[str] = []  # files that could not be used, with the reason
    urgent: bool = False  # others wait for what was left
    put_off: bool = False  # a calm round has something to do
    put_off_soon: bool = False  # and somebody waits for it

    @property
    def wrong(self) -> list[str]:
        """Everything that somebody should look at."""
        return self.bad + [f"{c.name}: {c.error}" for c in self.collections if c.error]

    @property
    def moved(self) -> bool:
        """Whether anything was taken in, left or admitted."""
        return any(c.events_in or c.events_out or c.admitted for c in self.collections)
