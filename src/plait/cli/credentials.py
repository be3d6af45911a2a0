"""What a command shows to whom it connects, and whom it believes: certificates and a token.

A token is read from a file or from the environment: an option would show it to everybody who lists
processes.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from plait.base.errors import BadSettings
from plait.host.tls import Tls

_FILE = click.Path(dir_okay=False, path_type=Path)


def tls_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --tls-ca, --tls-cert and --tls-key, which arrive as `tls_ca`, `tls_cert`, `tls_key`."""
    for name, env, text in (
        ("key", "PLAIT_TLS_KEY", "Its key."),
        ("cert", "PLAIT_TLS_CERT", "The certificate to show."),
        ("ca", "PLAIT_TLS_CA", "The authority whose certificates are believed; see plait certs."),
    ):
        command = click.option(
            f"--tls-{name}", type=_FILE, metavar="FILE", envvar=env, help=f"{text}  [env: {env}]"
        )(command)
    return command


def tls_of(ca: Path | None, cert: Path | None, key: Path | None) -> Tls | None:
    """The files together; None if there are none, `BadSettings` if some are missing."""
    if ca is None and cert is None and key is None:
        return None
    if ca is None:
        raise BadSettings("--tls-cert without --tls-ca: whose certificates are to be believed?")
    if (cert is None) != (key is None):
        raise BadSettings("--tls-cert and --tls-key go together")
    return Tls(ca, cert, key)


def node_tls(tls: Tls | None) -> Tls | None:
    """`tls`, which has to show a certificate; `BadSettings` if it does not."""
    if tls is not None and tls.cert is None:
        raise BadSettings("a node shows a certificate: add --tls-cert and --tls-key")
    return tls


def token_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --token-file, which arrives as `token_file`."""
    return click.option(
        "--token-file", type=_FILE, metavar="FILE", envvar="PLAIT_TOKEN_FILE",
        help="Where the token is that says who you are.  [env: PLAIT_TOKEN_FILE; the token "
        "itself: PLAIT_TOKEN]",
    )(command)  # fmt: skip


def token_of(file: Path | None, environment: Mapping[str, str]) -> str:
    """The token in a file or in the environment; "" if there is none."""
    if file is None:
        return environment.get("PLAIT_TOKEN", "").strip()
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"{file}: no token can be read: {error}") from None


def shown(tls: Tls | None, token: str = "") -> dict[str, Any]:
    """What `plait.connect` is told of it."""
    return ({} if tls is None else {"tls": tls}) | ({"token": token} if token else {})
