"""Certificates for tests: an authority in a folder, good and bad ones of it."""

import datetime
from pathlib import Path

from plait.host.certificates import Authority
from plait.host.tls import Tls

NOW = datetime.datetime.now(datetime.UTC)


class Papers:
    """Makes certificates as `plait certs` does, at any time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority.found(folder, NOW, 30)

    def of(self, role: str, name: str, now: datetime.datetime = NOW, renew: bool = False) -> Tls:
        path = self.authority.certify(role, name, now, 10, renew)
        return Tls(self.folder / "ca.pem", path, path.with_suffix(".key"))

    def expired(self, role: str, name: str, renew: bool = False) -> Tls:
        return self.of(role, name, NOW - datetime.timedelta(days=11), renew)

    @property
    def nobody(self) -> Tls:
        """Believes the authority and shows nothing."""
        return Tls(self.folder / "ca.pem")
