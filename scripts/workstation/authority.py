"""The lab's own certificate authority: a key of its own, and certificates for brokers.

All of it lies in the lab's state folder, in files that nobody else may read, and is made once. A
broker's certificate is made anew where it lacks a name under which clients reach it, where it was
signed by another authority, or where only a tenth of its life is left.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.listeners import Issued
from lab.paths import AUTHORITY, CERTIFICATES
from lab.services.secured import LABS
from scripts.errors import LabError, one_line

CA_DAYS = 3650
CLIENT = "client"  # what the lab's own clients are called
NAME_LENGTH = 64  # of what a certificate is of (X.520, ub-common-name)
RENEWED_AT = 0.1  # of a certificate's life
EARLIER = datetime.timedelta(minutes=5)  # clocks of hosts may be behind
Names = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Certificate:
    """What a certificate says: its names, from when and until when it is good."""

    names: tuple[str, ...]
    begins: datetime.datetime
    ends: datetime.datetime

    def stale(self, now: datetime.datetime) -> bool:
        return now >= self.ends - (self.ends - self.begins) * RENEWED_AT


class Authority:
    """That of the lab whose state folder is `state`."""

    def __init__(self, state: Path, lab: str) -> None:
        self.folder, self._lab = state / CERTIFICATES, lab
        self.file = self.folder / AUTHORITY
        self.client = self.folder / "client.pem"
        self._key_file = self.folder / "ca.key"

    def there(self) -> bool:
        """Whether the lab has, or had, listeners that take a certificate."""
        return self.file.exists()

    def issued(self, hosts: Collection[str]) -> Issued:
        """What there is; nothing is made. Raises LabError for files that cannot be read."""
        with self._readable():
            def found(path: Path) -> str:
                return path.read_text() if path.exists() else ""

            return Issued(
                ca=found(self.file), ca_path=str(self.file),
                client=found(self.client), client_path=str(self.client),
                hosts={name: text for name in hosts if (text := found(self._host(name)))},
            )

    def issue(self, names: Names, *, days: int, anew: bool = False) -> list[str]:
        """Make what is missing or stale of the certificates for hosts, each with its `names`; for
        which hosts, and for the lab's clients. `anew`: all of them. Raises LabError."""
        with self._readable():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            key, ca = self._own()
            chosen = [host for host, wanted in names.items()
                      if anew or not _good(self._host(host), wanted, ca)]
            if anew or not _good(self._host(CLIENT), (CLIENT,), ca):
                chosen = [*chosen, CLIENT]
            for host in chosen:
                own = ec.generate_private_key(ec.SECP256R1())
                made = _for_one(host, names.get(host, (host,)), own, ca, days)
                signed = made.sign(key, hashes.SHA256())
                self._write(self._host(host), _private(own) + _public(signed))
        return chosen

    def prove(self, name: str, path: Path, *, days: int) -> None:
        """See that a file has a user's own key and certificate: made where it is missing, stale or
        of another authority. It proves the name to brokers, and is no broker's. Raises LabError."""
        with self._readable():
            key, ca = self._own()
            if not _good(path, (), ca):
                own = ec.generate_private_key(ec.SECP256R1())
                subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
                made = _signed_by(ca, _begun(subject, ca.subject, own, days))
                made = made.add_extension(
                    x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
                self._write(path, _private(own) + _public(made.sign(key, hashes.SHA256())))

    def certificate(self, host: str) -> Certificate | None:
        """What a host's certificate says, as it is on this machine."""
        found = _found(self._host(host))
        return None if found is None else told(found)

    def own(self) -> Certificate | None:
        """The same of the authority's own."""
        with suppress(OSError, ValueError):
            return told(x509.load_pem_x509_certificate(self.file.read_bytes()))
        return None

    def _host(self, name: str) -> Path:
        return self.folder / f"{name}.pem"

    def _own(self) -> tuple[EllipticCurvePrivateKey, x509.Certificate]:
        """The authority's key and its certificate, made where there is none."""
        if self._key_file.exists() and self.file.exists():
            key = serialization.load_pem_private_key(self._key_file.read_bytes(), None)
            if not isinstance(key, EllipticCurvePrivateKey):
                raise ValueError(f"{self._key_file} is not the lab's")
            return key, x509.load_pem_x509_certificate(self.file.read_bytes())
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(f"kafkalab {self._lab}")
        made = _begun(name, name, key, CA_DAYS).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True,
        ).add_extension(_usage(signs=True), critical=True).sign(key, hashes.SHA256())
        self._write(self._key_file, _private(key))
        self._write(self.file, _public(made))
        return key, made

    def _write(self, path: Path, text: str) -> None:
        """The whole file or none of it, which nobody else may read at any moment."""
        part = path.with_name(f"{path.name}.part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        part.replace(path)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Files that cannot be read or written, as an error that says where and what to do."""
        try:
            yield
        except (OSError, ValueError) as error:
            raise LabError(
                f"the lab's certificates cannot be read or written: {one_line(error)}",
                where=str(self.folder),
                hint="without that folder `fab up` makes new ones, which clients have to be given",
            ) from error


def _found(path: Path) -> x509.Certificate | None:
    with suppress(OSError, ValueError):
        return x509.load_pem_x509_certificate(path.read_bytes())
    return None


def _good(path: Path, names: Sequence[str], ca: x509.Certificate) -> bool:
    found = _found(path)
    if found is None:
        return False
    try:
        found.verify_directly_issued_by(ca)
    except (InvalidSignature, ValueError, TypeError):
        return False
    said = told(found)
    return set(names) <= set(said.names) and not said.stale(datetime.datetime.now(datetime.UTC))


def read(pem: str) -> Certificate:
    """A certificate as somebody shows it. Raises ValueError."""
    return told(x509.load_pem_x509_certificate(pem.encode()))


def told(found: x509.Certificate) -> Certificate:
    """A certificate in few words."""

    names: list[str] = []
    with suppress(x509.ExtensionNotFound):
        said = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [*said.get_values_for_type(x509.DNSName),
                 *map(str, said.get_values_for_type(x509.IPAddress))]
    return Certificate(tuple(names), found.not_valid_before_utc, found.not_valid_after_utc)


def _general(names: Sequence[str]) -> list[x509.GeneralName]:

    found: list[x509.GeneralName] = []
    for name in dict.fromkeys(names):
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return found


def _name(common: str) -> x509.Name:

    return x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, LABS),
        x509.NameAttribute(NameOID.COMMON_NAME, common[:NAME_LENGTH]),
    ])


def _usage(*, signs: bool) -> x509.KeyUsage:

    return x509.KeyUsage(
        digital_signature=True, key_cert_sign=signs, crl_sign=signs, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
        decipher_only=False,
    )


def _begun(
    subject: x509.Name, issuer: x509.Name, own: EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    """What every certificate says: whose it is, by whom, and how long it is good."""
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
        .public_key(own.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER).not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
    )


def _for_one(
    host: str, names: Sequence[str], own: EllipticCurvePrivateKey, ca: x509.Certificate, days: int
) -> x509.CertificateBuilder:
    """A broker is a server, and a client of the other brokers."""
    uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    return (
        _signed_by(ca, _begun(_name(host), ca.subject, own, days))
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .add_extension(x509.SubjectAlternativeName(_general(names)), critical=False)
    )


def _signed_by(ca: x509.Certificate, begun: x509.CertificateBuilder) -> x509.CertificateBuilder:
    """What every certificate but the authority's own says of who signs it."""
    signer = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        begun.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signer), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
    )


def _private(key: EllipticCurvePrivateKey) -> str:

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _public(made: x509.Certificate) -> str:

    return made.public_bytes(serialization.Encoding.PEM).decode()
