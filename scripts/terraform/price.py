"""What a lab costs before and after a plan: counted from the plan, priced by AWS's price list.

Counted are instances, their root volumes and their public IPv4 addresses. Traffic and the rest of
an account are not part of a plan. Where there is no price list there is no price, never a guess.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.errors import LabError
from scripts.terraform.summary import resources

HOURS = 730  # a month, as AWS's own calculator counts it


@dataclass(frozen=True, order=True)
class Item:
    """Something that is paid for: an `instance` by type, a `volume` by kind and GiB, an `address`.

    `market` is "spot" for an instance that is bid for.
    """

    kind: str
    region: str
    what: str = ""
    market: str = ""


@dataclass(frozen=True)
class Quote:
    """USD an hour for one of each item (for a GiB of a volume), and where the prices are from."""

    hourly: Mapping[Item, float]
    source: str


Quoter = Callable[[Iterable[Item]], Quote]


def bill(shown: Mapping[str, Any], key: str) -> Counter[Item]:
    """What a plan's `prior_state` or `planned_values` has of each item (volumes in GiB)."""
    values = shown.get(key) or {}
    values = values.get("values", values)
    region = _region(shown)
    counted: Counter[Item] = Counter()
    for one in resources(values):
        if one.get("mode") != "managed" or one.get("type") != "aws_instance":
            continue
        has = one.get("values", {})
        own = has.get("region") or region
        market = "spot" if has.get("instance_market_options") else ""
        counted[Item("instance", own, has.get("instance_type", ""), market)] += 1
        for volume in has.get("root_block_device") or ():
            size = int(volume.get("volume_size") or 0)
            counted[Item("volume", own, volume.get("volume_type") or "")] += size
        if has.get("associate_public_ip_address"):
            counted[Item("address", own)] += 1
    return counted


def _region(shown: Mapping[str, Any]) -> str:
    provider = shown.get("configuration", {}).get("provider_config", {}).get("aws", {})
    return str(provider.get("expressions", {}).get("region", {}).get("constant_value", ""))


def lines(
    shown: Sequence[Mapping[str, Any]], *, without: Sequence[str] = (), quoter: Quoter | None = None
) -> list[str]:
    """The price of all stacks before and after, in Markdown; `without` are stacks not in it."""
    before: Counter[Item] = Counter()
    after: Counter[Item] = Counter()
    for one in shown:
        before += bill(one, "prior_state")
        after += bill(one, "planned_values")
    if not before and not after:
        return ["Price: nothing in this plan is paid by the hour."]
    try:
        quote = (quoter or _price_list)(sorted(before | after))
    except LabError as error:
        return [f"Price: not known. {error}"]
    was, becomes = (_sum(counted, quote) for counted in (before, after))
    told = [
        "| price in USD | before | after |", "|---|--:|--:|",
        f"| an hour | {was:.4f} | {becomes:.4f} |",
        f"| a month of {HOURS} hours | {was * HOURS:.2f} | {becomes * HOURS:.2f} |",
        "", f"Instances, root volumes and public IPv4 addresses, without traffic. {quote.source}",
    ]
    return told + ([f"Without {', '.join(without)}."] if without else [])


def _sum(counted: Counter[Item], quote: Quote) -> float:
    """USD an hour. Raises LabError for an item without a price."""
    return sum(quote.hourly[item] * amount for item, amount in counted.items())


def _price_list(items: Iterable[Item]) -> Quote:
    """AWS's prices. Raises LabError where they cannot be had."""
    raise LabError("AWS's price list cannot be asked here")
