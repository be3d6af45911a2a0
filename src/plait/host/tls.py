"""TLS settings: which certificate a process shows, whose it believes, and what went wrong.

A cluster has an authority of its own, so a certificate need not say where its owner is found, only
who it is: a URI among its alternative names, ``plait:node:n1`` or ``plait:client:ann``, which
`certified` reads. Whoever dials takes only a node's. `plait certs` makes such certificates.

Invariant: TLS 1.3 or nothing; a certificate counts only if the authority in `ca` signed it and it
is valid now. Files are read again when they have changed, so certificates are renewed without a
restart; connections that stand keep standing.

Absent: host names in certificates (they are not looked at), revocation lists: who holds a key of a
certificate that must not count any more is let out by a new authority, or by rights.
"""

import logging
import ssl
from pathlib import Path
from typing import Any

import msgspec

from plait.base.errors import BadCertificate, BadSettings, PlaitError, Unavailable

logger = logging.getLogger("plait.tls")

NODE = "node/"
CLIENT = "client/"
_URI = "plait:"

# What OpenSSL says of a certificate that was shown here (X509_V_ERR_*).
_EXPIRED, _EARLY = 10, 9
_STRANGERS = (18, 19, 20, 21)

# What the other side says of ours before it hangs up, as OpenSSL names the alert.
_ALERTS = {
    "ALERT_CERTIFICATE_EXPIRED": "the certificate shown here has expired",
    "ALERT_UNKNOWN_CA": "the certificate shown here is of an authority that is not believed there",
    "ALERT_CERTIFICATE_REQUIRED": "a certificate is wanted there",
    "ALERT_BAD_CERTIFICATE": "the certificate shown here is not accepted there",
    "ALERT_CERTIFICATE_UNKNOWN": "the certificate shown here is not accepted there",
    "ALERT_UNSUPPORTED_CERTIFICATE": "the certificate shown here is for something else",
    "ALERT_PROTOCOL_VERSION": "it speaks no version of TLS in common",
}
_PLAIN = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNEXPECTED_EOF_WHILE_READING")


class Tls(msgspec.Struct, frozen=True):
    """The files of one process, PEM: the authority it believes, and what it shows itself.

    A client may show none, where the nodes take a token instead.
    """

    ca: Path
    cert: Path | None = None
    key: Path | None = None


class Contexts:
    """What the `ssl` module makes of the files; made anew when they change."""

    def __init__(self, files: Tls) -> None:
        if (files.cert is None) != (files.key is None):
            raise BadSettings("a TLS certificate and its key go together; name both")
        self._files = files
        self._seen: Any = None
        self._contexts: tuple[ssl.SSLContext, ssl.SSLContext]
        self._load()

    def server(self) -> ssl.SSLContext:
        """For connections that were taken; asks for a certificate and does without."""
        self._look()
        return self._contexts[0]

    def client(self) -> ssl.SSLContext:
        """For connections that were made."""
        self._look()
        return self._contexts[1]

    def _look(self) -> None:
        try:
            if self._stamp() != self._seen:
                self._load()
        except (BadSettings, OSError) as error:
            logger.error("TLS goes on with the certificates that it had: %s", error)

    def _load(self) -> None:
        try:
            seen = self._stamp()
        except OSError as error:
            raise BadSettings(f"TLS: {error.filename}: {error.strerror}") from None
        self._contexts = _context(self._files, True), _context(self._files, False)
        self._seen = seen

    def _stamp(self) -> Any:
        found = [
            path.stat() for path in (self._files.ca, self._files.cert, self._files.key) if path
        ]
        return [(one.st_mtime_ns, one.st_size, one.st_ino) for one in found]


def _context(files: Tls, server: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # the names are those of nodes: see `certified`
    context.verify_mode = ssl.CERT_OPTIONAL if server else ssl.CERT_REQUIRED
    if server:
        context.num_tickets = 0  # sessions are not resumed: a certificate is looked at each time
    path: Path | None = files.ca
    try:
        context.load_verify_locations(cafile=files.ca)
        path = files.cert
        if files.cert is not None and files.key is not None:
            context.load_cert_chain(files.cert, files.key, password=_no_password)
    except ssl.SSLError as error:
        why = error.reason or error.strerror or str(error)
        raise BadSettings(f"TLS: {path} (or its key): {why.replace('_', ' ').lower()}") from None
    except OSError as error:
        raise BadSettings(f"TLS: {path}: {error.strerror or error}") from None
    return context


def _no_password() -> str:
    raise BadSettings("TLS: the key is encrypted with a password; write it without one, mode 0600")


def certified(connection: ssl.SSLObject) -> str:
    """Who the other side is: ``node/n1``, ``client/ann``, or "" if it showed no certificate.

    `BadCertificate` for one of our authority that names nobody.
    """
    shown: Any = connection.getpeercert()
    if not shown:
        return ""
    for kind, name in shown.get("subjectAltName", ()):
        if kind == "URI" and str(name).startswith(_URI):
            role, _, who = str(name).removeprefix(_URI).partition(":")
            if role in ("node", "client") and who:
                return f"{role}/{who}"
    raise BadCertificate("the certificate names neither a node nor a client; see plait certs")


def explain(error: Exception, peer: str) -> PlaitError:
    """What an error of the handshake, or of what follows, means to people."""
    if isinstance(error, PlaitError):
        return error
    if isinstance(error, ssl.SSLCertVerificationError):
        return BadCertificate(f"the certificate of {peer} {_verdict(error)}")
    reason = (error.reason or "") if isinstance(error, ssl.SSLError) else ""
    for alert, meaning in _ALERTS.items():
        if reason.endswith(alert):
            return BadCertificate(f"{peer} hung up: {meaning}")
    if reason in _PLAIN:
        return BadCertificate(f"{peer} speaks no TLS")
    if reason:
        return BadCertificate(f"no TLS with {peer}: {reason.replace('_', ' ').lower()}")
    return Unavailable(f"no TLS with {peer}: {error}")


def _verdict(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code == _EXPIRED:
        return "has expired: renew it (plait certs --renew)"
    if error.verify_code == _EARLY:
        return "is not valid yet: is a clock wrong?"
    if error.verify_code in _STRANGERS:
        return "is of another authority than the one that is believed here"
    return f"is not accepted: {error.verify_message}"
