"""Host keys come from the console, in time or with a clear word, and from nowhere else."""

from __future__ import annotations

import time

import pytest

from scripts.errors import LabError, TimeoutExpired
from scripts.platforms.aws.console import HostKeys, host_key
from tests.aws.conftest import KEY, Cloud

OTHER = KEY.replace("B", "C")
BLOCK = f"""\
cloud-init[1234]: Cloud-init v. 22.2.2 finished
-----BEGIN SSH HOST KEY KEYS-----
ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTY= root@ip-10-1-0-10
{KEY} root@ip-10-1-0-10
-----END SSH HOST KEY KEYS-----
"""


@pytest.mark.parametrize(("text", "key"), [
    (BLOCK, KEY),
    (BLOCK.replace("\n", "\r\n"), KEY),
    (f"[  12.3] kafkalab host key: {KEY} root@ip\r\n", KEY),
    (BLOCK + f"kafkalab host key: {OTHER}\n", KEY),
    (f"kafkalab host key: {OTHER}\nkafkalab host key: {KEY}\n", OTHER),
    (BLOCK.partition("-----END")[0], None),  # not whole yet
    ("kafkalab host key: ssh-ed25519 AAAA\n", None),
    (BLOCK.replace("ssh-ed25519", "ssh-dss"), None),
    ("", None),
])
def test_the_first_ed25519_key_of_a_console(text: str, key: str | None) -> None:
    assert host_key(text) == key


def keys(cloud: Cloud, deadline_s: float = 5) -> HostKeys:
    return HostKeys(
        cloud.state, cloud.platform.clients, say=cloud.said.append, deadline_s=deadline_s,
        poll_s=0.05,
    )


def test_keys_are_waited_for_and_kept(cloud: Cloud) -> None:
    machines = cloud.make().platform.machines()
    late = cloud.ids["ann-dc2-kafka01"]
    text = cloud.emulator.consoles.pop(late)

    def say(line: str) -> None:
        cloud.said.append(line)
        cloud.emulator.consoles[late] = text

    waiting = HostKeys(
        cloud.state, cloud.platform.clients, say=say, deadline_s=60, poll_s=0.05
    )
    found = waiting.learn(machines.values())
    assert found == dict.fromkeys(cloud.ids.values(), KEY)
    assert cloud.said == [
        "Waiting for 1 console to show host keys; AWS takes up to five minutes ..."
    ]
    cloud.emulator.calls.clear()
    cloud.emulator.consoles.clear()
    assert keys(cloud).learn(machines.values()) == found
    assert cloud.emulator.count("GetConsoleOutput") == 0


def test_a_console_that_never_comes_has_a_deadline(cloud: Cloud) -> None:
    machines = cloud.make().platform.machines()
    del cloud.emulator.consoles[cloud.ids["ann-dc1-kafka02"]]
    began = time.monotonic()
    with pytest.raises(TimeoutExpired, match=r"ann-dc1-kafka02: no host key .* after 0\.3 s"):
        keys(cloud, 0.3).learn(machines.values())
    assert time.monotonic() - began < 20
    assert len(keys(cloud).known()) == len(machines) - 1  # the others need not be asked again


def test_an_instance_that_vanishes_between_two_calls(cloud: Cloud) -> None:
    machines = cloud.make().platform.machines()
    gone = cloud.ids["ann-dc2-kafka01"]
    client = cloud.emulator.client("ec2", "us-east-1")
    backend = client.terminate_instances(InstanceIds=[gone])
    assert backend["TerminatingInstances"]
    cloud.emulator.forget(gone, "us-east-1")
    with pytest.raises(LabError, match=f"ann-dc2-kafka01: {gone} is gone since it was listed"):
        keys(cloud).learn(machines.values())


def test_an_old_type_of_instance_has_no_latest_console(cloud: Cloud) -> None:
    machines = cloud.make().platform.machines()
    one = machines["ann-dc1-ctl01"]
    cloud.emulator.fail("GetConsoleOutput", "UnsupportedOperation")
    assert keys(cloud).learn([one]) == {one.id: KEY}
    assert cloud.emulator.count("GetConsoleOutput") == 2


def test_what_is_in_the_cache_may_be_anything(cloud: Cloud) -> None:
    machines = cloud.make().platform.machines()
    for text in ("{", "[]", ""):
        (cloud.state / "hostkeys-aws.json").write_text(text)
        assert len(keys(cloud).learn(machines.values())) == len(machines)
