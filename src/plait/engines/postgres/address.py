"""Address: a URL of PostgreSQL taken apart, and what of it may be shown.

Invariant: nothing secret is in `url`, in `repr`, or in what `scrub` has been over. Parse errors
are never chained, for libpq quotes what it could not read. Source: libpq's connection URIs; of
our own is `plait_schema`.
"""

import re
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from plait.base.errors import BadSettings

SCHEMES = ("postgresql", "postgres")
SCHEMA = "plait"
_SCHEMA_NAME = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")
_SHOWN = ("host", "hostaddr", "port", "dbname")  # everything else may be a secret

# What notices a server that is gone, unless the URL says otherwise.
_DEFAULTS = {
    "application_name": "plait",
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}

_UNREADABLE = (
    "not a URL that PostgreSQL's clients understand (special characters in a name or a password "
    "must be percent-encoded)"
)


class Address:
    """Where a server is, and how to get in."""

    def __init__(self, url: str) -> None:
        """Raises `BadSettings` if `url` is none that libpq could read."""
        try:
            parts = urlsplit(url)
        except ValueError:
            raise BadSettings(_UNREADABLE) from None
        if parts.scheme not in SCHEMES:
            raise BadSettings("a PostgreSQL URL begins with postgresql:// or postgres://")
        ours, theirs = {}, []
        for name, value in parse_qsl(parts.query, keep_blank_values=True):
            if name.startswith("plait_"):
                ours[name] = value
            else:
                theirs.append((name, value))
        self.schema = ours.pop("plait_schema", SCHEMA)
        if ours:
            raise BadSettings(f"unknown in a PostgreSQL URL: {', '.join(sorted(ours))}")
        if not _SCHEMA_NAME.fullmatch(self.schema):
            raise BadSettings(
                "plait_schema is lower-case letters, digits and underscores, up to 63 of them, "
                "and does not begin with a digit or pg_"
            )
        bare = urlunsplit(parts._replace(query=urlencode(theirs, quote_via=quote), fragment=""))
        try:
            given = conninfo_to_dict(bare)
        except psycopg.Error:
            raise BadSettings(_UNREADABLE) from None
        self.parameters: dict[str, str] = {
            **_DEFAULTS,
            **{name: str(value) for name, value in given.items()},
        }
        self._check_places()
        hosts = self.parameters.get("host", "") + self.parameters.get("hostaddr", "")
        if "," in hosts:
            self.parameters.setdefault("target_session_attrs", "read-write")
        self._secrets = [
            value
            for name in ("password", "sslpassword", "oauth_client_secret")
            if (value := self.parameters.get(name, ""))
        ]

    @property
    def url(self) -> str:
        """Hosts, ports and database."""
        shown: dict[str, str] = {name: self.parameters.get(name, "") for name in _SHOWN}
        hosts = (shown["host"] or shown["hostaddr"]).split(",")
        ports = shown["port"].split(",")
        if len(ports) < len(hosts):
            ports = ports[:1] * len(hosts)
        places = [
            f"{quote(host, safe='.-:[]')}:{port}" if port else quote(host, safe=".-:[]")
            for host, port in zip(hosts, ports, strict=False)
        ]
        return f"postgresql://{','.join(places)}/{quote(shown['dbname'])}"

    def scrub(self, text: str) -> str:
        """`text` without secrets."""
        for secret in self._secrets:
            for form in (secret, quote(secret), quote(secret, safe="")):
                text = text.replace(form, "***")
        return " ".join(text.split())

    def _check_places(self) -> None:
        """A password that was not encoded spills over into what is shown."""
        ports = self.parameters.get("port", "").split(",")
        shown = "".join(self.parameters.get(name, "") for name in _SHOWN)
        if "@" in shown or not all(port.isdecimal() or not port for port in ports):
            raise BadSettings(_UNREADABLE)

    def __repr__(self) -> str:
        return f"Address({self.url!r}, schema={self.schema!r})"
