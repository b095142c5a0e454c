"""Sign a certificate for a broker with the lab's authority: for these names, good for so long.

    python certify.py FOLDER SECONDS NAME...

FOLDER has the authority's certificate and its key. Prints a new key and the certificate, as brokers
read them.
"""

import argparse
import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("seconds", type=int)
    parser.add_argument("names", nargs="+")
    said = parser.parse_args()

    ca = x509.load_pem_x509_certificate((said.folder / "ca.pem").read_bytes())
    signer = serialization.load_pem_private_key((said.folder / "ca.key").read_bytes(), None)
    own = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        # Of the subject clients believe nothing; they look for the name that they dialled here:
        .add_extension(x509.SubjectAlternativeName(list(map(general, said.names))), critical=False)
        .subject_name(x509.Name([
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "kafkalab"),  # may do everything
            x509.NameAttribute(x509.NameOID.COMMON_NAME, said.names[0]),
        ]))
        .issuer_name(ca.subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(seconds=said.seconds))
        .sign(signer, hashes.SHA256())
    )
    print(own.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode() + made.public_bytes(serialization.Encoding.PEM).decode(), end="")


if __name__ == "__main__":
    main()
