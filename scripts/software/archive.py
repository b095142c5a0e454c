"""Kafka's official archive: a download that is kept only if its published SHA-512 agrees."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path

from lab.artifacts import Artifact
from scripts.errors import LabError, UsageError, one_line
from scripts.software.tar import parse_checksum

VARIABLE = "KAFKALAB_KAFKA_ARCHIVE"
DEFAULT = "https://archive.apache.org/dist/kafka"
# Seconds. Short for the first request, so that a machine without a route gets to the next source
# soon; longer for the archive itself, where the server may well stall once.
_FIRST_TIMEOUT = 10.0
_STALL_TIMEOUT = 60.0
_CHUNK = 1 << 20
SHA512_DIGITS = 128


def download(artifact: Artifact, folder: Path) -> Path:
    """Fetch Kafka's archive into `folder` and return its path.

    The address is KAFKALAB_KAFKA_ARCHIVE or Kafka's own. Raises LabError when it does not answer or
    the content is not what was published; UsageError when the address is not http(s).
    """
    base = (os.environ.get(VARIABLE) or DEFAULT).rstrip("/")
    if not base.startswith(("https://", "http://")):
        raise UsageError(f"{VARIABLE} is {base!r}; an http:// or https:// address is accepted")
    url = f"{base}/{artifact.version}/{artifact.folder}.tgz"
    target = folder / f"{artifact.folder}.tgz"
    try:
        # The checksum first: it is short, so it also tells whether the server can be reached.
        with urllib.request.urlopen(f"{url}.sha512", timeout=_FIRST_TIMEOUT) as answer:  # noqa: S310
            text = answer.read(4096).decode("ascii", "replace")
        published = parse_checksum(text, digits=SHA512_DIGITS)
        received = _stream(url, target)
    except (OSError, HTTPException) as error:
        raise LabError(f"{url}: {_reason(error)}") from error
    if received != published:
        target.unlink()
        raise LabError(f"{url}: its SHA-512 is {received[:16]}..., not the published one")
    return target


def _stream(url: str, target: Path) -> str:
    """Write what `url` serves to `target`, and return its SHA-512."""
    digest = hashlib.sha512()
    with urllib.request.urlopen(url, timeout=_STALL_TIMEOUT) as answer, target.open("wb") as file:  # noqa: S310
        while chunk := answer.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code}"
    if isinstance(error, urllib.error.URLError):
        return one_line(error.reason)
    return one_line(error)
