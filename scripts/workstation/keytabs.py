"""Keys of Kerberos' from passwords, as a key distribution center makes them from the same ones.

So no host has to hand them out: the workstation has all passwords, and writes each file of keys
itself (MIT Kerberos, "The keytab file format").
"""

from __future__ import annotations

import hashlib
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

TYPE, ROUNDS, BITS = 18, 4096, 256  # aes256-cts-hmac-sha1-96 (RFC 3962), and its usual rounds
FOLDED = bytes.fromhex("6b65726265726f737b9b5b2b93132b93")  # "kerberos", folded to 128 bits
FIRST = 1  # the number of a key that was never changed; a changed name is made anew


def key(password: str, salt: str, rounds: int = ROUNDS) -> bytes:
    """The key of a password (RFC 3962, section 4; RFC 3961, section 5.1)."""
    raw = hashlib.pbkdf2_hmac("sha1", password.encode(), salt.encode(), rounds, BITS // 8)
    # One block has nothing to be chained with: CBC with text stealing is the cipher itself.
    once = Cipher(algorithms.AES(raw), modes.ECB()).encryptor()  # noqa: S305
    half = once.update(FOLDED)
    return half + once.update(half)


def keytab(principal: str, password: str) -> bytes:
    """A file with the key of one name, such as "kafka/host@REALM"."""
    name, _, realm = principal.rpartition("@")
    parts = name.split("/")
    salt = realm + "".join(parts)
    entry = struct.pack(">H", len(parts)) + b"".join(map(_counted, (realm, *parts)))
    entry += struct.pack(">IIB", 1, 0, FIRST)
    made = key(password, salt)
    entry += struct.pack(">HH", TYPE, len(made)) + made + struct.pack(">I", FIRST)
    return b"\x05\x02" + struct.pack(">i", len(entry)) + entry


def _counted(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data
