"""What the parts of the scenario `operations` are told."""

import msgspec


class OperationsOptions(msgspec.Struct, frozen=True):
    """How much to measure."""

    seconds: float = 5.0  # of a round of load
    rounds: int = 3
    records: int = 1_000_000  # that are restored
    watchers: tuple[int, ...] = (0, 1, 100, 1000)  # of a feed
    rows: int = 2000  # that they get as fast as they are taken
    paced: int = 25  # and one at a time
    folder: str | None = None  # on which disk; None: where temporary files are
    quick_run: bool = False

    def quick(self) -> "OperationsOptions":
        """One short round of each; not to be quoted."""
        return msgspec.structs.replace(
            self,
            seconds=1.0,
            rounds=1,
            records=min(self.records, 20_000),
            rows=300,
            paced=5,
            quick_run=True,
        )
