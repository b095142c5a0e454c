"""The lab in an AWS account beside what Terraform does: checks, prices, time, and proof of its end.

They mean AWS whatever LAB_PLATFORM says.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from lab.counted import counted
from scripts.errors import UsageError
from scripts.tasks.cli import confirm, lab_task

if TYPE_CHECKING:
    from scripts.session import Session

if TYPE_CHECKING:
    from scripts.platforms.aws import Aws
    from scripts.platforms.aws.allow import Allowed
    from scripts.platforms.aws.audit import Left


@lab_task(locks=True)
def preflight(session: Session) -> int:
    """Check that the account is ready for the lab.

    Credentials, regions, quotas, image, key, networks, price; exit status 1 when one is not right.
    Makes the lab's own key where the lab file names none; changes nothing in AWS.
    """
    from scripts.platforms.aws import cost
    from scripts.platforms.aws.preflight import check
    from scripts.workstation.screen import table

    findings, bill = check(_aws(session))
    table("preflight", ("where", "check", "result", "seen"), [
        (one.where, one.what, one.word, one.seen) for one in findings
    ])
    if bill is not None:
        for line in cost.summary(bill, session.file.lab.aws.ttl_hours):
            session.say(line)
    failed = [one for one in findings if one.held is False]
    for one in failed:
        print(f"failed: {one.where}: {one.what}: {one.seen}", file=sys.stderr)
    return 1 if failed else 0


@lab_task(locks=False, dry=True)
def cost(session: Session) -> int:
    """Tell what the lab costs in AWS, from the Pricing API.

    Exit status 1 when a price that is paid by the hour is not known.
    """
    from scripts.platforms.aws import cost as costs
    from scripts.platforms.aws.prices import Prices
    from scripts.workstation.screen import table

    aws = _aws(session)
    bill = costs.bill(Prices(aws.clients), costs.items(session.topology))
    if bill.dates:
        table(f"{session.topology.lab} in AWS, USD", ("region", "what", "each", "hour", "day"),
              costs.rows(bill))
    for line in costs.summary(bill, session.file.lab.aws.ttl_hours):
        session.say(line)
    return 0 if bill.complete else 1


def _look(session: Session, all_regions: bool = False, **_: bool) -> int:
    """What a dry run of `audit` does: all but removing."""
    return _audit(session, all_regions=all_regions)


@lab_task(locks=True, dry=_look, help={
    "all-regions": "look in every region that the account has enabled",
    "delete": "remove what is found, after showing it", "yes": "do not ask before removing",
})
def audit(
    session: Session, all_regions: bool = False, delete: bool = False, yes: bool = False
) -> int:
    """List everything of the lab in AWS, and what it costs.

    Exit status 1 while anything is left.
    """
    return _audit(session, all_regions=all_regions, delete=delete, yes=yes)


def _audit(
    session: Session, *, all_regions: bool, delete: bool = False, yes: bool = False
) -> int:
    from scripts.platforms.aws.audit import enabled_regions, find
    from scripts.platforms.aws.remove import Remover

    aws, config = _aws(session), session.file.lab
    aws.sweep()
    regions = enabled_regions(aws.clients, aws.regions[0]) if all_regions else list(aws.regions)
    found = find(aws.clients, regions, config.name, config.owner)
    if found:
        _show(session, aws, found)
        if not delete:
            return 1
        confirm(
            f"Remove these {len(found)} for good, with the data in them?",
            whether="to remove this", undone="nothing was removed", yes=yes,
        )
        Remover(aws.clients, session.say).remove(found)
        if found := find(aws.clients, regions, config.name, config.owner):
            _show(session, aws, found)
            return 1
    session.say(f"nothing of {config.name} of {config.owner} is in {', '.join(regions)}")
    return 0


def _show(session: Session, aws: Aws, found: list[Left]) -> None:
    from scripts.platforms.aws import cost as costs
    from scripts.platforms.aws.audit import priced
    from scripts.platforms.aws.prices import Prices
    from scripts.workstation.screen import table

    found = priced(found, Prices(aws.clients))
    table(f"{session.topology.lab} in AWS", ("region", "kind", "id", "name", "state", "USD/hour"), [
        (one.region, one.kind, one.id, one.name, one.state, costs.dollars(one.hourly))
        for one in found
    ])
    session.say(f"{len(found)} left, {costs.total([one.hourly for one in found])} an hour")
    if any(one.hourly is None for one in found):
        session.say("? is a price that the Pricing API did not tell")


@lab_task(locks=True)
def backend(session: Session) -> None:
    """Make the bucket that keeps Terraform's state.

    The host keys that are known here are kept there, too, for who has never met the hosts.
    """
    from scripts.platforms.aws.backend import settle

    aws = _aws(session)
    settle(aws.clients, session.file, session.say)
    if count := aws.host_keys.keep():
        session.say(f"{counted(count, 'host key')} written there")


@lab_task(locks=True, help={"hours": "how many hours from now the lab is to live"})
def extend(session: Session, hours: int = 0) -> None:
    """Move the hour at which the hosts end themselves.

    It becomes HOURS from now, whether that is later or earlier than it was.
    """
    from scripts.platforms.aws import ttl

    if not hours:
        raise UsageError("until when?", hint="such as --hours 4, from now")
    if not 1 <= hours <= ttl.MAX_HOURS:
        raise UsageError(f"--hours {hours}", hint=f"accepted: 1 to {ttl.MAX_HOURS}")
    end, count = ttl.extend(_aws(session), hours)
    session.say(f"{counted(count, 'host ends', 'hosts end')} at {end:%Y-%m-%d %H:%M} UTC, "
                f"in {hours} h")


@lab_task(locks=True, several=("cidr",), help={
    "cidr": "a network to let in, instead of this machine's public address (several: say it again)",
    "for": "for how long, such as 90m, 2h or 1d", "list": "show who is let in, and until when",
    "remove": "shut out all that were let in so, or only --cidr",
})
def allow(
    session: Session, cidr: Sequence[str] | None = None, for_: str = "2h",
    list_: bool = False, remove: bool = False,
) -> None:
    """Let an address in for a while.

    SSH and the lab's ports are opened in the lab's security groups to this machine's public address
    (the one that https://checkip.amazonaws.com sees), or to --cidr. The first `fab` after the end
    that looks at AWS takes it back.
    """
    from scripts.platforms.aws import allow as allowing

    if list_ and remove:
        raise UsageError("--list and --remove", hint="say one of them")
    aws, chosen = _aws(session), allowing.networks(cidr or (), removed=list_ or remove)
    end = (datetime.now(UTC) + allowing.duration(for_)).replace(microsecond=0)
    aws.sweep()
    if list_ or remove:
        there = allowing.listed(aws)
        names = [str(one) for one in chosen]
        there = [one for one in there if not names or one.cidr in names]
        if remove:
            session.say(f"{counted(allowing.take_out(aws, there), 'rule')} removed")
        else:
            _show_allowed(session, there)
        return
    for one in chosen or [_own(session, aws)]:
        inside = [own for own in session.file.lab.aws.admin_cidrs if one.subnet_of(own)]
        if inside:
            session.say(f"{one} is let in already: {inside[0]} is in aws.admin_cidrs")
            continue
        count = allowing.let_in(aws, one, end)
        session.say(f"{one} is let in until {end:%Y-%m-%d %H:%M} UTC, in "
                    f"{counted(count, 'security group')}")


@lab_task(locks=False)
def tunnel(session: Session) -> None:
    """Hold a way to the hosts open, until Ctrl-C.

    It leads through Session Manager or a bastion, whichever the lab file names. Every port of a
    host that is used from here is then one of 127.0.0.1's, as with a local lab.
    """
    from scripts.platforms.aws.tunnel import hold

    config = session.file.lab.aws
    if not config.tunnelled:
        raise UsageError("hosts are reached without a tunnel",
                         hint="session_manager = true or bastion in [aws]")
    hold(_aws(session), session.say)


def _own(session: Session, aws: Aws) -> IPv4Network:
    from scripts.platforms.aws import allow as allowing

    found = allowing.own_address(emulated=aws.clients.endpoint_url is not None)
    session.say(f"this machine's public address is {found.network_address}, "
                f"says {allowing.WHO_AM_I}")
    return found


def _show_allowed(session: Session, there: list[Allowed]) -> None:
    from scripts.workstation.screen import table

    if not there:
        session.say("nobody is let in but aws.admin_cidrs")
        return
    table(f"{session.topology.lab}: let in for a while",
          ("network", "region", "group", "ports", "until, UTC", "by"), [
        (one.cidr, one.region, one.group, one.ports,
         f"{one.until:%Y-%m-%d %H:%M}" if one.until else "now", one.by)
        for one in there
    ])


def _aws(session: Session) -> Aws:
    from scripts.platforms.aws import Aws

    return Aws(
        session.file, session.topology, state=session.state, say=session.say, dry=session.dry
    )
