"""Take topics and groups of an exercise away, and what mirrors made of them."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from lab.mirrors.topics import remote_name
from lab.options.mirrors import Mirror
from lab.resources import CLIENT
from lab.services.leading import NAME as REGISTRY
from lab.services.sinks import index_of, searched, store_host
from scripts.clients.accounts import Accounts
from scripts.clients.brokers import unanswered
from scripts.clients.groups import group_names
from scripts.clients.kafka import admin_client, settle
from scripts.clients.sharing import Sharing
from scripts.drivers.driver import Site
from scripts.drivers.schemas import schemas
from scripts.drivers.stores import documents
from scripts.drivers.workers import Workers
from scripts.errors import LabError, TimeoutExpired, one_line
from scripts.workstation.waiting import wait_until

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

GONE_SECONDS = 60.0
AGAIN_SECONDS = 1.5
# Runs as root where a worker is.
REMOVED = """\
for file in @FILES@; do
  if [ -e "$file" ]; then rm -f -- "$file" && echo "$file"; fi
done
"""


def remove(
    site: Site, topics: Sequence[str], groups: Sequence[str], *,
    stay: float = 0.0, was_there: bool = False,
) -> list[str]:
    """Remove what is there of topics and groups; what was done, in words. Raises LabError.

    stay: s for which topics have to be away then, where there was one, here or (`was_there`)
    in another cluster.

    Who was about to write makes a topic again: a broker makes any that a producer asks for. Such a
    one stays for a moment, in which he gets rid of what he has; else he would ask again and again.
    """
    from confluent_kafka import KafkaError  # noqa: PLC0415 - 50 ms

    admin = admin_client(site.kafka.endpoint)
    done: list[str] = []
    since, again = time.monotonic(), False

    def gone() -> bool:
        nonlocal since, again
        known = admin.list_topics(timeout=10).topics
        there = [one for one in topics if one in known]
        if there and again and time.monotonic() - since < AGAIN_SECONDS:
            return False
        again = bool(done) and not there
        if there:
            # A broker may still tell of a topic that the controller knows no more.
            settle(admin.delete_topics(there, operation_timeout=30), site.name,
                   but=(KafkaError.UNKNOWN_TOPIC_OR_PART,))
            done.extend(f"{site.name}: topic {one} removed" for one in there)
            since = time.monotonic()
        return not there and time.monotonic() - since >= (stay if done or was_there else 0)

    # First, since one with members is refused; and again, since a mirror may have made it anew.
    done += _without(admin, groups, site.name)
    wait_until(gone, timeout=GONE_SECONDS, where=site.name,
               message=f"who writes to {', '.join(topics)} makes them again (end him): still so")
    return list(dict.fromkeys(done + _without(admin, groups, site.name)))


def _without(admin: AdminClient, groups: Sequence[str], where: str) -> list[str]:
    """Remove groups that are there, once nobody is in them any more. Raises LabError."""
    from confluent_kafka import KafkaError  # noqa: PLC0415 - 50 ms

    known = group_names(admin, where)
    mine = [one for one in groups if one in known]
    for one in mine:
        _left(admin, one, where)
    if mine:
        settle(admin.delete_consumer_groups(mine), where, but=(KafkaError.GROUP_ID_NOT_FOUND,))
    return [f"{where}: group {one} removed" for one in mine]


def _left(admin: Any, group: str, where: str) -> None:
    """Wait until nobody is in a group. Raises LabError when somebody stays: members that went
    without a word are in it until their session ends (45 s)."""
    members: list[Any] = []

    def empty() -> bool:
        (future,) = admin.describe_consumer_groups([group]).values()
        members[:] = future.result().members
        return not members

    try:
        wait_until(empty, timeout=GONE_SECONDS, where=where)
    except TimeoutExpired:
        who = ", ".join(sorted({f"{one.client_id} at {one.host}" for one in members}))
        raise LabError(
            f"group {group} still has members ({who}), so it cannot be removed", where=where,
            hint="end them, and run it again",
        ) from None


def remove_shared(site: Site, groups: Sequence[str]) -> list[str]:
    """Remove share groups that are there, once their workers have left, and where they begin; what
    was done, in words. Raises LabError."""
    if not groups:
        return []
    done: list[str] = []

    def gone() -> bool:
        there = sharing.there(groups)
        done.extend(sharing.delete(there) if there else ())
        return not there

    with closing(Sharing(site.kafka.endpoint)) as sharing:
        try:
            wait_until(gone, timeout=GONE_SECONDS, where=site.name)
            sharing.forget_beginnings(groups)
        except TimeoutExpired:
            raise LabError(
                f"share group {', '.join(groups)} cannot be removed: workers are in it",
                where=site.name, hint="end them, and run it again",
            ) from None
        except unanswered() as error:
            raise LabError(f"share groups cannot be removed: {one_line(error)}",
                           where=site.name, hint="see `fab status`") from error
    return [f"{site.name}: share group {one} removed" for one in done]


def remove_connectors(site: Site, connectors: Sequence[str], files: Sequence[str]) -> list[str]:
    """Remove connectors that are there, and files on the host of the first worker; what was done,
    in words. Raises LabError."""
    if not connectors and not files:
        return []
    workers, host = Workers(site), site.carriers("connect")[0]
    there = [one.name for one in workers.states() if one.name in connectors]
    for name in there:
        workers.patiently("DELETE", f"/connectors/{name}")
    script = REMOVED.replace("@FILES@", shlex.join(files))
    gone = site.fleet[host.name].script(script, label="remove files").stdout.split()
    return [*(f"{site.name}: connector {one} removed" for one in there),
            *(f"{host.name}: {one} removed" for one in gone)]


def unlimited(site: Site, clients: Sequence[str]) -> list[str]:
    """Take away all quotas of client ids that have some; what was done, in words. Raises LabError.
    """
    accounts = Accounts(site.kafka)
    has = accounts.quotas(CLIENT) if clients else {}
    done = []
    for one in clients:
        if quotas := has.get(one):
            accounts.set_quotas(CLIENT, one, dict.fromkeys(quotas))
            done.append(f"{site.name}: quota of client {one} removed")
    return done


def remove_subjects(site: Site, subjects: Sequence[str]) -> list[str]:
    """Remove subjects of the schema registry that are there; what was done, in words. Raises
    LabError."""
    if not subjects:
        return []
    (host,) = site.carriers(REGISTRY)
    registry = schemas(site, host)
    there = [one for one in registry.subjects() if one in subjects]
    for one in there:
        registry.forget(one)
    return [f"{site.name}: subject {one} removed" for one in there]


def remove_documents(site: Site, topics: Sequence[str]) -> list[str]:
    """Remove the indices of topics that are there; what was done, in words. Raises LabError."""
    sink = searched(site.lab, site.name)
    if sink is None:
        return []
    store = documents(site, store_host(sink, site.datacenter), sink.kind)
    indices = [index_of(one) for one in topics]
    there = [one for one in indices if one in store.totals(indices)]
    for one in there:
        store.drop(one)
    return [f"{site.name}: index {one} removed" for one in there]


def remove_mirrored(
    sites: Mapping[str, Site], mirror: Mirror, topics: Sequence[str], groups: Sequence[str]
) -> list[str]:
    """Remove topics and groups of a mirror's source, their copies, topics of the same names in the
    target, and the copies that another mirror made of these. Raises LabError."""
    source, target = sites[mirror.source], sites[mirror.target]
    back = [remote_name(one, topic) for one in source.lab.mirrors for topic in topics
            if (one.source, one.target) == (mirror.target, mirror.source)]
    done = remove(source, topics, groups)
    # A mirror makes a copy again as long as it has not seen that the topic is gone.
    done += remove(
        target, [*topics, *(remote_name(mirror, one) for one in topics)], groups,
        stay=source.lab.mirroring.refresh_s + 1, was_there=bool(done),
    )
    return done + remove(source, [*topics, *back], groups)


def remove_copies(
    sites: Mapping[str, Site], copies: Mapping[str, Sequence[str]], groups: Sequence[str], *,
    was_there: bool,
) -> list[str]:
    """Remove what mirrors made of topics and groups elsewhere, once these are removed; what was
    done, in words. copies: by datacenter, in the order in which mirrors reach them; none is touched
    where none may be, or that is not among sites. was_there: whether something was removed.
    Raises LabError."""
    done: list[str] = []
    for name, topics in copies.items():
        if topics and name in sites:
            site = sites[name]
            done += remove(site, topics, groups, stay=site.lab.mirroring.refresh_s + 1,
                           was_there=was_there or bool(done))
    return done
