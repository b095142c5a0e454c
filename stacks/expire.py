"""Ends the instance it runs on once the time in the instance's tag `expires` has passed.

Lies on every host as /usr/local/lib/kafkalab/expire, where a timer starts it once a minute; so
moving the tag moves the end, and no tag means no end. Runs with the Python of the image (3.9 or
newer) and needs nothing else.
"""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from datetime import datetime, timezone
from pathlib import Path
from urllib.error import HTTPError

METADATA = os.environ.get("KAFKALAB_METADATA", "http://169.254.169.254/latest")
KNOWN = Path(os.environ.get("KAFKALAB_EXPIRES", "/var/lib/kafkalab/expires"))
TAG = "/meta-data/tags/instance/expires"
TIMEOUT_S = 5
UTC = timezone.utc  # noqa: UP017 - datetime.UTC is newer than the images' Python
NOT_FOUND = 404


def main() -> int:
    """Power off if it is time. 1 when the tag is no time that this understands."""
    text = expires()
    if not text:
        return 0
    try:
        end = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        print(f"expires is {text!r}; accepted: such as 2030-01-31T18:00:00Z", file=sys.stderr)
        return 1
    if datetime.now(timezone.utc) >= end:  # noqa: UP017 - 3.9
        print(f"expired at {text}: powering off")
        subprocess.run(["systemctl", "poweroff"], check=True)
    return 0


def expires() -> str:
    """The tag now; where it cannot be read, what it was when it last could."""
    try:
        token = _ask("/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"}, "PUT")
        text = _ask(TAG, {"X-aws-ec2-metadata-token": token})
    except HTTPError as error:
        if error.code != NOT_FOUND:
            return _known()
        text = ""
    except OSError:
        return _known()
    KNOWN.parent.mkdir(parents=True, exist_ok=True)
    KNOWN.write_text(text)
    return text


def _known() -> str:
    return KNOWN.read_text() if KNOWN.exists() else ""


def _ask(path: str, headers: dict[str, str], method: str = "GET") -> str:
    # The instance's own metadata: never through a proxy, and no other scheme than http.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(METADATA + path, headers=headers, method=method)  # noqa: S310
    with opener.open(request, timeout=TIMEOUT_S) as answer:
        text: str = answer.read().decode().strip()
    return text


if __name__ == "__main__":
    sys.exit(main())
