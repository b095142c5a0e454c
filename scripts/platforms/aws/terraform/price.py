"""What a lab costs before and after a plan: counted from the plan, priced by AWS's price list.

Counted are instances, their root volumes and their public IPv4 addresses. Where there is no price
list there is no price, never a guess.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from scripts.errors import LabError
from scripts.platforms.aws.terraform.summary import resources

if TYPE_CHECKING:
    from scripts.platforms.aws.cost import Bill, Item

HOURS_A_MONTH = 730  # as AWS's own pricing calculator counts it
Quoter = Callable[[Sequence["Item"]], "Bill"]
Thing = tuple[str, str, str]  # region, kind and what of scripts.platforms.aws.cost.Item


def count(shown: Mapping[str, Any], key: str) -> Counter[Thing]:
    """What a plan's `prior_state` or `planned_values` has of each thing, volumes in GB."""
    values = shown.get(key) or {}
    values = values.get("values", values)
    counted: Counter[Thing] = Counter()
    for one in resources(values):
        if one.get("mode") != "managed" or one.get("type") != "aws_instance":
            continue
        has = one.get("values", {})
        region = str(has.get("region") or _region(shown))
        kind = "spot" if has.get("instance_market_options") else "instance"
        counted[region, kind, str(has.get("instance_type"))] += 1
        for volume in has.get("root_block_device") or ():
            size = int(volume.get("volume_size") or 0)
            counted[region, "volume", str(volume.get("volume_type"))] += size
        if has.get("associate_public_ip_address"):
            counted[region, "address", "IPv4"] += 1
    return counted


def _region(shown: Mapping[str, Any]) -> str:
    """The region of the stack's provider; resources tell it themselves from provider 6 on."""
    provider = shown.get("configuration", {}).get("provider_config", {}).get("aws", {})
    return str(provider.get("expressions", {}).get("region", {}).get("constant_value", ""))


def lines(
    shown: Sequence[Mapping[str, Any]], *, without: Sequence[str] = (),
    quoter: Quoter | None = None, endpoint_url: str | None = None,
) -> list[str]:
    """The price of all stacks before and after, in Markdown; `without` are stacks not in it.

    Asked is `quoter`, or else AWS's price list, at `endpoint_url` if there is one.
    """
    before: Counter[Thing] = Counter()
    after: Counter[Thing] = Counter()
    for one in shown:
        before += count(one, "prior_state")
        after += count(one, "planned_values")
    if not before and not after and without:
        return [f"Price unknown: nothing is planned of {', '.join(without)}."]
    if not before and not after:
        return ["Price: nothing in this plan is paid by the hour."]
    try:
        found = (quoter or price_list(endpoint_url))(_items(before | after))
    except LabError as error:
        return [f"Price unknown: {error}"]
    hourly = {
        (line.item.region, line.item.kind, line.item.what): line.price.hourly
        for line in found.lines if line.price
    }
    told = [
        "| price in USD | before | after |", "|---|--:|--:|",
        _row("an hour", before, after, hourly, 1),
        _row(f"a month of {HOURS_A_MONTH} hours", before, after, hourly, HOURS_A_MONTH), "",
        "Instances, root volumes and public IPv4 addresses, without taxes and traffic"
        + (f"; list prices of {found.dates}." if found.dates else "."),
    ]
    told += [f"Unknown: {one.item.what} in {one.item.region}: {one.why}" for one in found.unknown]
    return told + ([f"Without {', '.join(without)}."] if without else [])


def _items(counted: Counter[Thing]) -> list[Item]:
    from scripts.platforms.aws.cost import Item  # noqa: PLC0415 - a lab without AWS needs none

    return [
        Item(region, kind, what, number) for (region, kind, what), number in sorted(counted.items())
    ]


def _row(
    name: str, before: Counter[Thing], after: Counter[Thing], hourly: Mapping[Thing, Decimal],
    hours: int,
) -> str:
    return " | ".join((f"| {name}", *(_sum(one, hourly, hours) for one in (before, after)))) + " |"


def _sum(counted: Counter[Thing], hourly: Mapping[Thing, Decimal], hours: int) -> str:
    """A sum for people; "?" without any price, and a lower bound where some are unknown."""
    known = [hourly[thing] * number for thing, number in counted.items() if thing in hourly]
    if counted and not known:
        return "?"
    least = "at least " if len(known) < len(counted) else ""
    return f"{least}{sum(known, Decimal(0)) * hours:.{2 if hours > 1 else 4}f}"


def price_list(endpoint_url: str | None) -> Quoter:
    """What asks AWS for its prices. Raises LabError where it cannot be asked."""
    from scripts.platforms.aws.clients import Clients  # noqa: PLC0415 - boto3
    from scripts.platforms.aws.cost import bill  # noqa: PLC0415 - boto3
    from scripts.platforms.aws.prices import Prices  # noqa: PLC0415 - boto3

    prices = Prices(Clients(endpoint_url))
    return lambda items: bill(prices, items)
