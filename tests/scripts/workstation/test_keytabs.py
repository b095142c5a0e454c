"""Keys from passwords, by the standard's own examples, and the files that they are in."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, strategies as st

from scripts.workstation.keytabs import key, keytab

words = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=20)


@pytest.mark.parametrize(("rounds", "made"), [  # RFC 3962, appendix B
    (1, "fe697b52bc0d3ce14432ba036a92e65bbb52280990a2fa27883998d72af30161"),
    (2, "a2e16d16b36069c135d5e9d2e25f896102685618b95914b467c67622225824ff"),
    (1200, "55a6ac740ad17b4846941051e1e8b0a7548d93b0ab30a8bc3ff16280382b8c2a"),
])
def test_a_password_makes_the_key_that_the_standard_says(rounds: int, made: str) -> None:
    assert key("password", "ATHENA.MIT.EDUraeburn", rounds).hex() == made


@given(words, words, words, words)
def test_the_file_says_whose_key_it_is(first: str, second: str, realm: str, secret: str) -> None:
    """As MIT's own description of the format reads it."""
    data = keytab(f"{first}/{second}@{realm}", secret)
    assert data[:2] == b"\x05\x02"
    (size,) = struct.unpack(">i", data[2:6])
    rest = data[6:]
    assert size == len(rest)
    (count,) = struct.unpack(">H", rest[:2])
    rest, found = rest[2:], []
    for _ in range(count + 1):
        (length,) = struct.unpack(">H", rest[:2])
        found.append(rest[2:2 + length].decode())
        rest = rest[2 + length:]
    assert (count, found) == (2, [realm, first, second])
    name_type, _, number, kind, length = struct.unpack(">IIBHH", rest[:13])
    assert (name_type, number, kind, length) == (1, 1, 18, 32)
    assert rest[13:45] == key(secret, f"{realm}{first}{second}")
    assert rest[45:] == struct.pack(">I", 1)
