"""A private authority for one cluster, and certificates of its nodes and clients, as files.

::

    DIR/ca.pem, ca.key               the authority; its key makes certificates, and stays here
    DIR/node-n1.pem, node-n1.key     for the machine of n1, with ca.pem
    DIR/client-ann.pem, …            for ann, with ca.pem

Who somebody is stands in a URI (see `plait.host.tls`). Keys are on the curve P-256 and readable by
their owner only. Needs the library `cryptography`: ``pip install plait[tls]``.

Invariant: nothing that exists is overwritten, except a certificate that is renewed, under its key.
"""

import datetime
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from plait.base.errors import BadSettings
from plait.base.ids import node_name

_EARLY = datetime.timedelta(minutes=5)  # for clocks that are behind


class Authority:
    """What signs a cluster's certificates, in a folder."""

    def __init__(
        self, folder: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate
    ) -> None:
        self._folder = folder
        self._key = key
        self._certificate = certificate

    @staticmethod
    def found(folder: Path, now: datetime.datetime, days: int) -> "Authority":
        """The authority in `folder`; a new one, valid for `days`, if there is none."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (folder / "ca.key").exists():
            return Authority(folder, _read_key(folder / "ca.key"), _read(folder / "ca.pem"))
        key = ec.generate_private_key(ec.SECP256R1())
        named = f"Plait authority {x509.random_serial_number():x}"[:40]
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, named)])
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = (
            _begun(name, name, key.public_key(), now, days)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(identifier, critical=False)
            .sign(key, hashes.SHA256())
        )
        _write(folder / "ca.key", _pem_of(key), secret=True)
        _write(folder / "ca.pem", certificate.public_bytes(serialization.Encoding.PEM))
        return Authority(folder, key, certificate)

    def certify(
        self, role: str, name: str, now: datetime.datetime, days: int, renew: bool = False
    ) -> Path:
        """Make ``ROLE-NAME.pem`` and its key; the certificate's path. `role`: node or client.

        `BadSettings` if it is there already, unless it is to `renew`: the key is kept then.
        """
        node_name(name)
        path = self._folder / f"{role}-{name}.pem"
        key_path = path.with_suffix(".key")
        if path.exists() and not renew:
            raise BadSettings(f"{path} is there already; --renew makes a new one under its key")
        if key_path.exists():
            key = _read_key(key_path)
        else:
            key = ec.generate_private_key(ec.SECP256R1())
            _write(key_path, _pem_of(key), secret=True)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{role} {name}")])
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH]
        if role == "node":
            uses.append(ExtendedKeyUsageOID.SERVER_AUTH)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        uri = x509.UniformResourceIdentifier(f"plait:{role}:{name}")
        certificate = (
            _begun(subject, self._certificate.subject, key.public_key(), now, days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .add_extension(x509.SubjectAlternativeName([uri]), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        _write(path, certificate.public_bytes(serialization.Encoding.PEM), replace=renew)
        return path


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey,
    now: datetime.datetime, days: int,
) -> x509.CertificateBuilder:  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLY)
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs, key_cert_sign=signs, crl_sign=signs,
        content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )  # fmt: skip


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise BadSettings(f"{path}: no key that can be read: {error}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise BadSettings(f"{path}: not a key that plait certs made")
    return key


def _read(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadSettings(f"{path}: no certificate that can be read: {error}") from None


def _write(path: Path, data: bytes, secret: bool = False, replace: bool = False) -> None:
    """All of the file or none; a secret is never readable by others, not for a moment."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    try:
        mode = 0o600 if secret else 0o644
        with open(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists() and not replace:
            raise BadSettings(f"{path} is there already")
        os.replace(draft, path)
    except OSError as error:
        raise BadSettings(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        draft.unlink(missing_ok=True)
