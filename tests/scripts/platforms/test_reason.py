"""Why a command of an engine failed, from what engines of several versions print."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from scripts.errors import FOREIGN
from scripts.platforms.local.reason import reason

A, B = "3f" * 32, "a7" * 32
TAKEN = "Bind for 127.0.0.1:20531 failed: port is already allocated"
NO_DAEMON = (
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. "
    "Is the docker daemon running?"
)
LEGACY_BUILDER = """\
DEPRECATED: The legacy builder is deprecated and will be removed in a future release.
            Install the buildx component to build images with BuildKit:
            https://docs.docker.com/go/buildx/

"""


@pytest.mark.parametrize(("said", "expected"), [
    # Docker 20.10, 28, 29: `docker run`
    ("docker: Error response from daemon: Address already in use.\nSee 'docker run --help'.\n",
     "Address already in use."),
    ("docker: Error response from daemon: Address already in use\n\n"
     "Run 'docker run --help' for more information\n", "Address already in use"),
    ("WARNING: Your kernel does not support swap limit capabilities\n"
     "docker: Error response from daemon: invalid endpoint settings:\nno configured subnet "
     "contains IP address 10.0.0.1\n\nRun 'docker run --help' for more information\n",
     "invalid endpoint settings: no configured subnet contains IP address 10.0.0.1"),
    (f"docker: {NO_DAEMON}\n\nRun 'docker run --help' for more information\n", NO_DAEMON),
    ("docker: failed to connect to the docker API at unix:///var/run/docker.sock; check if the "
     "path is correct\n\nRun 'docker run --help' for more information\n",
     "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is "
     "correct"),
    ("Unable to find image 'x:latest' locally\ndocker: Error response from daemon: pull access "
     "denied for x\n\nRun 'docker run --help' for more information\n", "pull access denied for x"),
    ("docker: Error response from daemon: Address already in use.\n", "Address already in use."),
    ("docker: Error response from daemon: failed to create shim task: OCI runtime create failed: "
     'runc create failed: unable to start container process: exec: "x": executable file not '
     "found in $PATH: unknown\n\nRun 'docker run --help' for more information\n",
     "failed to create shim task: OCI runtime create failed: runc create failed: unable to start "
     'container process: exec: "x": executable file not found in $PATH: unknown'),
    # `docker start` of two: 28, and where each has a reason of its own
    (f"{NO_DAEMON}\n{NO_DAEMON}\nError: failed to start containers: a, b\n", NO_DAEMON),
    (f"Error response from daemon: driver failed programming external connectivity on endpoint "
     f"zk1 ({A}): {TAKEN}\nError: failed to start containers: {A}, {B}\n",
     "driver failed programming external connectivity on endpoint zk1 (3f3f3f3f3f3f): " + TAKEN),
    (f"Error response from daemon: {TAKEN}\nError response from daemon: no such network\n"
     f"Error: failed to start containers: {A}, {B}\n", f"{TAKEN}; no such network"),
    (f"Error response from daemon: driver failed programming external connectivity on endpoint "
     f"laughing_villani ({A}): Error starting userland proxy: listen tcp4 127.0.0.1:32001: bind: "
     f"address already in use\nError response from daemon: Address already in use\n"
     f"Error: failed to start containers: {A}, {B}\n",
     "driver failed programming external connectivity on endpoint laughing_villani (3f3f3f3f3f3f): "
     "Error starting userland proxy: listen tcp4 127.0.0.1:32001: bind: address already in use "
     "(and 1 more)"),
    (f"Error: failed to start containers: {A}, {B}\n",
     "failed to start containers: 3f3f3f3f3f3f, a7a7a7a7a7a7"),
    # other commands of Docker
    (f"{NO_DAEMON}\nexit status 1\n", NO_DAEMON),
    ("Error response from daemon: error while removing network: network kafkalab-x has active "
     "endpoints (name:\"guest\" id:\"3f3f3f3f3f3f\")\nexit status 1\n",
     "error while removing network: network kafkalab-x has active endpoints (name:\"guest\" "
     "id:\"3f3f3f3f3f3f\")"),
    ("docker: 'frob' is not a docker command.\nSee 'docker --help'\n",
     "'frob' is not a docker command."),
    (LEGACY_BUILDER + "pull access denied for localhost/kafkalab/host, repository does not exist",
     "pull access denied for localhost/kafkalab/host, repository does not exist"),
    (LEGACY_BUILDER + "Sending build context to Docker daemon  2.048kB\nStep 1/1 : FROM "
     'localhost/x:1\n'
     'Get "http://localhost/v2/": dial tcp 127.0.0.1:80: connect: connection refused\n',
     'Get "http://localhost/v2/": dial tcp 127.0.0.1:80: connect: connection refused'),
    (" > [internal] load metadata for localhost/x:1:\n------\nDockerfile:1\n--------------------\n"
     "   1 | >>> FROM localhost/x:1\n--------------------\nERROR: failed to solve: localhost/x:1: "
     "not found\n", "failed to solve: localhost/x:1: not found"),
    # Podman 4.3
    ('Error: no container with name or ID "a" found: no such container\n',
     'no container with name or ID "a" found: no such container'),
    (f'Error: unable to start container "{A}": cannot listen on the TCP port: listen tcp4 '
     '127.0.0.1:20531: bind: address already in use\n'
     f'Error: unable to start container "{B}": no such network\n',
     'unable to start container "3f3f3f3f3f3f": cannot listen on the TCP port: listen tcp4 '
     '127.0.0.1:20531: bind: address already in use; unable to start container "a7a7a7a7a7a7": no '
     "such network"),
    ("Error: unrecognized command `podman frob`\nTry 'podman --help' for more information\n",
     "unrecognized command `podman frob`"),
    ("Error: unknown flag: --frob\nSee 'podman run --help'\n", "unknown flag: --frob"),
    ('time="2026-11-27T09:00:00Z" level=warning msg="Failed to load cached network config"\n'
     "Error: IPAM error: requested ip address 10.10.1.9 is already allocated\n",
     "IPAM error: requested ip address 10.10.1.9 is already allocated"),
    ('time="2026-11-27T09:00:00Z" level=error msg="unable to \\"close\\" it"\n',
     'unable to "close" it'),
    ("Error: netavark: iptables: Bad rule\n(does a matching rule exist?)\n",
     "netavark: iptables: Bad rule (does a matching rule exist?)"),
    # what a program in a container says
    ("tar: a: Cannot open\nError: x\nreason: no room for the archive\ntrailing\n",
     "no room for the archive"),
    ("gzip: error: not in gzip format\nfailed: unpack\n",
     "unpack: gzip: error: not in gzip format"),
    ("line\n" * 100 + "sh: 7: tar: not found\n", "sh: 7: tar: not found"),
    ("", ""),
])  # fmt: skip
def test_the_reason_of_recorded_outputs(said: str, expected: str) -> None:
    if len(expected) <= FOREIGN:
        assert reason(said) == expected
    else:
        assert reason(said)[:90] == expected[:90] and reason(said)[-90:] == expected[-90:]


Wrap = Callable[[str], str]
STYLES: tuple[Wrap, ...] = (
    lambda why: f"docker: Error response from daemon: {why}\nSee 'docker run --help'.\n",
    lambda why: f"docker: Error response from daemon: {why}\n\n"
                "Run 'docker run --help' for more information\n",
    lambda why: f"Error response from daemon: {why}\nError: failed to start containers: {A}, {B}\n",
    lambda why: f"Error response from daemon: {why}\n" * 2 + "exit status 1\n",
    lambda why: f"WARNING: something else\nError: {why}\n",
    lambda why: f"Error: {why}\nSee 'podman run --help'\n",
)


@given(words=st.lists(st.from_regex(r"[a-z0-9:/.\-]{1,12}", fullmatch=True), min_size=1,
                      max_size=12),
       style=st.sampled_from(STYLES))
def test_the_reason_is_found_however_it_is_wrapped(words: list[str], style: Wrap) -> None:
    why = " ".join(["why", *words])
    assert reason(style(why)) == why


@given(st.text(max_size=2000))
def test_it_is_always_one_line_of_a_length_to_read(said: str) -> None:
    found = reason(said)
    assert "\n" not in found and len(found) <= 2 * FOREIGN
    assert bool(found) or not [line for line in said.splitlines() if line.isascii()
                               and line.isprintable() and line.strip()]
