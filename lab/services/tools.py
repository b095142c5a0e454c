"""Kafka's tools on hosts of a closed lab: what people type as books do finds its brokers.

A folder that comes first on the path has a link for each tool, all to one script. That starts the
tool of its name, and says beforehand where it reads what brokers ask for, if it is to talk to
brokers and nothing was said. What a person says himself counts.
"""

from __future__ import annotations

from lab.artifacts import PREFIX
from lab.endpoint import Endpoint
from lab.services.context import FOLDER
from lab.state import Directory, File, HostState, Key, Link
from lab.versions import at_least

CLIENT = f"{FOLDER}/client.properties"  # for Kafka's own tools (--command-config)
KCAT = f"{FOLDER}/kcat.conf"  # kcat -F
BIN, SCRIPT = f"{FOLDER}/bin", f"{FOLDER}/tool"
ROLES = ("control", "kafka")  # hosts that have Kafka's tools
PROFILE = "/etc/profile.d/kafkalab.sh"  # what the shell of who logs in there knows
# The option by which each takes a file of settings; SINCE that version all of them take the first
# one, and with the others they say so where their output goes (KIP-1147).
OPTIONS = {
    "--command-config": (
        "acls", "broker-api-versions", "client-metrics", "configs", "consumer-groups",
        "delegation-tokens", "delete-records", "features", "get-offsets", "groups", "log-dirs",
        "metadata-quorum", "reassign-partitions", "share-groups", "streams-groups", "topics",
        "transactions",
    ),
    "--admin.config": ("leader-election",),
    "--producer.config": ("console-producer", "producer-perf-test", "verifiable-producer"),
    "--consumer.config": ("console-consumer", "consumer-perf-test", "verifiable-consumer"),
    "--consumer-config": ("console-share-consumer",),
    "--config": ("cluster",),
}
SINCE = "4.2"
LAST = ("cluster",)  # a word that says what to do comes before its options
OTHERWISE = "--config"  # of kafka-topics.sh, a topic's setting
TOOL = """\
#!/bin/sh
# Written by kafkalab: Kafka's own tool of this name, told what closed brokers ask for. CLIENT names
# another file of settings, or none where it is empty; so does the tool's own option.
tool=${0##*/}
own=@BIN@/$tool
brokers= told=
for word; do
  case $word in
    --bootstrap-server | --bootstrap-server=* | --broker-list | --broker-list=*) brokers=yes ;;
    bootstrap.servers=* | --*-props=bootstrap.servers=*) brokers=yes ;;
    --bootstrap-controller | --bootstrap-controller=*) told=yes ;;
    @TOLD@) told=yes ;;
  esac
done
case $tool in
@CASES@
  *) told=yes ;;
esac
client=${CLIENT-@CLIENT@}
if [ -z "$brokers" ] || [ -n "$told" ] || [ -z "$client" ]; then
  exec "$own" "$@"
elif [ -n "$last" ]; then
  exec "$own" "$@" "$option" "$client"
fi
exec "$own" "$option" "$client" "$@"
"""


def option(tool: str, version: str) -> str:
    """By which option a tool ("topics") of a release of Kafka takes a file of settings. Raises
    StopIteration for one that takes none."""
    own = next(one for one, tools in OPTIONS.items() if tool in tools)
    return next(iter(OPTIONS)) if at_least(version, SINCE) else own


def _script(version: str) -> str:
    told = [one for one in OPTIONS if one != OTHERWISE]
    cases = "\n".join(
        f"  {' | '.join(f'kafka-{tool}.sh' for tool in tools)}) "
        f"option={option(tools[0], version)} last="
        + "yes" * any(tool in LAST for tool in tools) + " ;;"
        for tools in OPTIONS.values()
    )
    return (
        TOOL.replace("@BIN@", f"{PREFIX}/kafka/bin").replace("@CLIENT@", CLIENT)
        .replace("@CASES@", cases)
        .replace("@TOLD@", " | ".join(f"{one} | {one}=*" for one in told))
    )


def tools(version: str) -> HostState:
    """The folder, for hosts with this release of Kafka whose clients have to be told something."""
    return {
        Key("directory", BIN): Directory(),
        Key("file", SCRIPT): File(_script(version), 0o755),
        **{Key("link", f"{BIN}/kafka-{tool}.sh"): Link(SCRIPT)
           for some in OPTIONS.values() for tool in some},
    }


def exports(endpoint: Endpoint) -> tuple[str, ...]:
    """What a shell has to know of such brokers; kcat reads its variable itself. Nothing of others.
    """
    if not endpoint.settings:
        return ()
    return (f"export PATH={BIN}:$PATH", f"export CLIENT={CLIENT}", f"export KCAT_CONFIG={KCAT}")
