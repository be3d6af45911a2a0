"""What the parts of the scenario `doors` are told."""

import msgspec


class DoorsOptions(msgspec.Struct, frozen=True):
    """How much to measure."""

    requests: int = 100_000  # of a Redis client, without pipelining; ten times so many with
    clients: int = 50
    rounds: int = 3
    seconds: float = 5.0  # of a round of other load
    folder: str | None = None  # on which disk; None: where temporary files are
    quick_run: bool = False

    def quick(self) -> "DoorsOptions":
        """One short round of each; not to be quoted."""
        return msgspec.structs.replace(
            self, requests=min(self.requests, 5000), rounds=1, seconds=1.0, quick_run=True
        )
