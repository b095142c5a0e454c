"""What the lab of a lab file costs in AWS: what it is made of, and what each part is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from lab.aws import sizes
from lab.topology import Topology
from scripts.platforms.aws.clients import fan_out
from scripts.platforms.aws.prices import Price, Prices, PriceUnknown

HOURS_A_DAY = 24
INSTANCE, SPOT, VOLUME, ADDRESS, TRAFFIC = "instance", "spot", "volume", "address", "traffic"
PRICE_PAGES = "https://aws.amazon.com/ec2/pricing/ and https://aws.amazon.com/vpc/pricing/"


@dataclass(frozen=True, order=True)
class Item:
    """Something with a price. `what`: an instance type, gp3, IPv4, or the region traffic goes to.

    `count` is how many, of volumes how many GB; of traffic nobody knows it before.
    """

    region: str
    kind: str
    what: str
    count: int

    @property
    def words(self) -> str:
        return {
            INSTANCE: f"{self.count} x {self.what}",
            SPOT: f"{self.count} x {self.what} (spot, now)",
            VOLUME: f"{self.count} GB of {self.what}",
            ADDRESS: f"{self.count} public IPv4",
            TRAFFIC: f"to {self.what}" if self.what != self.region else "between zones",
        }[self.kind]


@dataclass(frozen=True)
class Line:
    """An item with its price, or with the reason why it has none."""

    item: Item
    price: Price | None
    why: str = ""

    @property
    def hourly(self) -> Decimal | None:
        """US dollars an hour; None where it is unknown, and for traffic, which is paid by GB."""
        if self.price is None or self.item.kind == TRAFFIC:
            return None
        return self.price.hourly * self.item.count


@dataclass(frozen=True)
class Bill:
    """All lines. `hourly` is what the known ones come to, `unknown` how many are not known."""

    lines: tuple[Line, ...]

    @property
    def hourly(self) -> Decimal:
        return sum((line.hourly or Decimal(0) for line in self.lines), Decimal(0))

    @property
    def unknown(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.price is None)

    @property
    def complete(self) -> bool:
        """Whether everything that is paid by the hour has its price."""
        return all(line.item.kind == TRAFFIC for line in self.unknown)

    @property
    def dates(self) -> str:
        found = sorted({line.price.date for line in self.lines if line.price})
        return " and ".join(dict.fromkeys((found[0], found[-1]))) if found else ""


def items(topology: Topology) -> list[Item]:
    """What the whole lab is made of, by region."""
    spot = topology.config.aws.spot
    machines: Counter[tuple[str, str]] = Counter()
    volumes: Counter[str] = Counter()
    addresses: Counter[str] = Counter()
    for datacenter in topology.datacenters:
        region = sizes.region(topology, datacenter)
        for host in datacenter.hosts:
            machines[region, sizes.instance_type(topology, host)] += 1
            volumes[region] += sizes.volume_gb(topology, host)
            addresses[region] += topology.config.aws.public_addresses
    kind = SPOT if spot else INSTANCE
    return [
        *(Item(region, kind, what, count) for (region, what), count in sorted(machines.items())),
        *(Item(region, VOLUME, "gp3", count) for region, count in sorted(volumes.items())),
        *(Item(region, ADDRESS, "IPv4", count) for region, count in sorted(addresses.items())
          if count),
        *(Item(source, TRAFFIC, target, 0) for source, target in _traffic(topology)),
    ]


def _traffic(topology: Topology) -> list[tuple[str, str]]:
    """Between which regions, and within which between zones, hosts of the lab talk."""
    region = {d.name: sizes.region(topology, d) for d in topology.datacenters}
    pairs = {(region[d.name], region[d.name]) for d in topology.datacenters if len(d.subnets) > 1}
    for link in topology.config.links:
        one, other = (region[name] for name in link.between)
        pairs |= {(one, other), (other, one)}
    return sorted(pairs)


def bill(prices: Prices, wanted: Iterable[Item]) -> Bill:
    """The price of everything wanted, asked for side by side."""
    by_name = {str(item): item for item in wanted}

    def one(name: str) -> Line:
        item = by_name[name]
        try:
            return Line(item, _price(prices, item))
        except PriceUnknown as error:
            return Line(item, None, str(error))

    return Bill(tuple(fan_out(one, by_name).values()))


def _price(prices: Prices, item: Item) -> Price:
    match item.kind:
        case "instance":
            return prices.instance(item.region, item.what)
        case "spot":
            return prices.instance(item.region, item.what, spot=True)
        case "volume":
            return prices.volume(item.region, item.what)
        case "address":
            return prices.address(item.region)
        case _:
            return prices.traffic(item.region, item.what)


def dollars(amount: Decimal | None) -> str:
    """US dollars as people read them; "?" for what is not known."""
    if amount is None:
        return "?"
    return f"${amount:.4f}" if 0 < amount < 1 else f"${amount:.2f}"


def rows(found: Bill) -> list[list[str]]:
    """The lines of a bill for a table: region, what, each, an hour, a day."""
    result = []
    for line in found.lines:
        each = f"{dollars(line.price.usd)}/{line.price.unit}" if line.price else "?"
        day = line.hourly * HOURS_A_DAY if line.hourly is not None else None
        paid = line.item.kind != TRAFFIC
        result.append([
            line.item.region, line.item.words, each,
            dollars(line.hourly) if paid else "by GB", dollars(day) if paid else "by GB",
        ])
    return result


def summary(found: Bill, ttl_hours: int | None) -> list[str]:
    """The sums in words: an hour, a day, and until the hosts end themselves."""
    if not found.dates:
        parts = ", ".join(line.item.words + " in " + line.item.region for line in found.lines)
        return [
            f"price unknown: {found.lines[0].why}",
            f"the lab is {parts}; AWS's own figures: {PRICE_PAGES}",
        ]
    least = "" if found.complete else "at least "
    whole = f"{least}{dollars(found.hourly)} an hour, {dollars(found.hourly * HOURS_A_DAY)} a day"
    if ttl_hours is None:
        end = "until somebody ends it (no aws.ttl_hours)"
    else:
        end = f"{dollars(found.hourly * ttl_hours)} until its TTL of {ttl_hours} h"
    asked = datetime.now(UTC).date().isoformat()
    return [
        f"{whole}, {end}",
        f"list prices in USD of {found.dates}, asked on {asked}; without taxes, traffic and the "
        "CPU credits of burstable types",
        *(f"unknown: {line.item.words} in {line.item.region}: {line.why}"
          for line in found.unknown),
    ]


def total(found: Sequence[Decimal | None]) -> str:
    """The sum of hourly prices, of which some may be unknown."""
    known = sum((one for one in found if one is not None), Decimal(0))
    return dollars(known) if None not in found else f"at least {dollars(known)}"
