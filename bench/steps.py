"""Single steps of the product as processes of their own, so that each can be timed.

    python -m bench.steps images|create|up|admit-root [--repository NAME]

The lab is the one that LAB names. With --repository the images get names and a build label of their
own: a build from cold caches then neither finds nor removes what belongs to other runs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from bench.measure import BenchError
from scripts.operations.up import deploy
from scripts.platforms import Instance
from scripts.platforms.local import Local, finding, image, recipe
from scripts.session import Session
from scripts.workstation import runlog

ROOT_SECONDS = 30
# Hosts let in their login user only. Baselines that configure as root get root's login, with the
# lab's key; and the distribution's start scripts, run by a service's user, a place for their logs.
ADMIT_ROOT = """\
set -eu
cp /etc/ssh/authorized_keys/student /etc/ssh/authorized_keys/root
sed -i -e 's/^AllowUsers student$/AllowUsers student root/' \
  -e 's/^PermitRootLogin no$/PermitRootLogin prohibit-password/' /etc/ssh/sshd_config
sshd -T -f /etc/ssh/sshd_config | grep -qx 'allowusers root'
sshd -T -f /etc/ssh/sshd_config | grep -qx 'permitrootlogin without-password'
for home in /usr/local/kafka_*; do [ ! -d "$home" ] || install -d -m 1777 "$home/logs"; done
systemctl reload ssh
"""


def _local(session: Session) -> Local:
    assert isinstance(session.platform, Local), "the bench measures local hosts"
    return session.platform


def images(session: Session) -> None:
    """The image of the lab's hosts, so that it is not made while they are timed."""
    session.platform.prepare(session.software())


def create(session: Session) -> None:
    """Hosts with an sshd that answers; refuses to count hosts that were there already."""
    if session.platform.instances():
        raise BenchError("hosts of an earlier run are still there")
    session.platform.create(session.software())


def up(session: Session) -> None:
    """`fab up`, in a process that may use images of its own."""
    runlog.start(session.state, "up")
    deploy(session, session.topology.hosts)


def admit_root(session: Session) -> None:
    """Let root in with the lab's key, and wait until it is."""
    podman, key = _local(session).engine, str(session.platform.key_file)

    def one(instance: Instance) -> None:
        podman("exec", instance.id, "sh", "-c", ADMIT_ROOT)
        command = [
            "ssh", "-F", "/dev/null", "-oBatchMode=yes", "-oStrictHostKeyChecking=no",
            "-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR", "-i", key,
            "-p", str(instance.ssh_port), f"root@{instance.ssh_host}", "true",
        ]
        deadline = time.monotonic() + ROOT_SECONDS
        while subprocess.run(command, check=False).returncode:
            if time.monotonic() > deadline:
                raise BenchError(f"{instance.name}: root is not let in after {ROOT_SECONDS} s")
            time.sleep(0.2)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, session.platform.instances().values()))


def own_images(repository: str) -> None:
    """Give images the names and the build label of another repository, in this process."""
    recipe.REPOSITORY = repository
    image.BUILD_LABEL = f"{repository.rpartition('/')[2]}.build"


def remove_images(repository: str) -> None:
    """Untag the images that a run with `repository` made."""
    found = finding.find(say=lambda line: None)
    listed = found.lines("images", "--format", "{{.Repository}}:{{.Tag}}")
    if own := [name for name in listed if name.startswith(f"{repository}/")]:
        found("rmi", *own)


ACTIONS = {
    "images": images, "create": create, "up": up, "admit-root": admit_root,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.steps")
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("--repository")
    arguments = parser.parse_args()
    if arguments.repository:
        own_images(arguments.repository)
    ACTIONS[arguments.action](Session())


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"error: {error}")
