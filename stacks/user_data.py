"""What an instance does at its first boot, as cloud-init's configuration.

Only what must be there before the first login: a name, the user with the lab's key, an sshd that
bears fourteen logins at once, its host key on the console, and the timer that ends the host. All
else is converged over SSH, as it is locally.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lab.options.fixed import USER
from lab.topology import Host

MAX_BYTES = 16 * 1024  # EC2 user guide, "Run commands on your Linux instance at launch"
EXPIRE = "/usr/local/lib/kafkalab/expire"
UNIT = "kafkalab-expire"
HOST_KEY = "/etc/ssh/ssh_host_ed25519_key.pub"

SSHD = """\
# The hosts of a lab take keys only, and many connections at once.
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
UseDNS no
SetEnv LANG=C.UTF-8
MaxStartups 100:30:200
MaxSessions 64
"""
SERVICE = f"""\
[Unit]
Description=End this host when the time in its tag expires has passed

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 {EXPIRE}
"""
# A host that is started after its end leaves a person ten minutes to move it.
TIMER = """\
[Unit]
Description=Look every minute whether this host has expired

[Timer]
OnBootSec=10min
OnUnitActiveSec=1min
AccuracySec=1s

[Install]
WantedBy=timers.target
"""


def user_data(host: Host) -> str:
    """cloud-init's configuration of one host. JSON, which is YAML with every string quoted."""
    text = "#cloud-config\n" + json.dumps(_config(host), indent=1) + "\n"
    if len(text.encode()) > MAX_BYTES:
        raise ValueError(f"user data of {host.name} is longer than {MAX_BYTES} bytes")
    return text


def _config(host: Host) -> dict[str, Any]:
    return {
        "hostname": host.name,
        "fqdn": host.fqdn,
        "manage_etc_hosts": False,
        # Renames the image's own user, which keeps its groups, its sudo and the lab's key.
        "user": {"name": USER},
        "ssh_pwauth": False,
        "ssh_deletekeys": True,
        "ssh_genkeytypes": ["ed25519"],
        "write_files": [
            _file("/etc/ssh/sshd_config.d/10-kafkalab.conf", SSHD, "0600"),
            _file(EXPIRE, Path(__file__).with_name("expire.py").read_text(), "0755"),
            _file(f"/etc/systemd/system/{UNIT}.service", SERVICE),
            _file(f"/etc/systemd/system/{UNIT}.timer", TIMER),
        ],
        "runcmd": [
            ["systemctl", "daemon-reload"],
            ["systemctl", "enable", "--now", f"{UNIT}.timer"],
            # The same line as a local host's: read from the console before the first login.
            ["sh", "-c", f'echo "kafkalab host key: $(cat {HOST_KEY})" > /dev/console'],
        ],
    }


def _file(path: str, content: str, mode: str = "0644") -> dict[str, str]:
    return {"path": path, "permissions": mode, "content": content}


def escape(text: str) -> str:
    """`text` so that Terraform's templates give it back as it is.

    Raises ValueError for the one sequence that has no escape: a doubled sign before a brace.
    """
    if "$${" in text or "%%{" in text:
        raise ValueError("text with $${ or %%{ cannot be escaped for Terraform")
    return text.replace("${", "$${").replace("%{", "%%{")
