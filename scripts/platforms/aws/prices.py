"""What AWS asks: unit prices from its Price List API and, for spot, from EC2's price history.

A price that cannot be had is an error (`PriceUnknown`), never a guess. Prices are list prices in US
dollars, without taxes, free tiers and discounts.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from scripts.errors import LabError
from scripts.platforms.aws.clients import GLOBAL_REGION, AwsError, Clients

HOURS_A_MONTH = 730  # AWS's own pricing calculator: how it makes an hour's price a month's
HOUR, GB_MONTH, GB = "Hrs", "GB-Mo", "GB"
UNITS = {HOUR: HOUR, "hours": HOUR, GB_MONTH: GB_MONTH, GB: GB}


class PriceUnknown(LabError):
    """A price that the API does not tell, or not without doubt. `offline`: nobody answered."""

    def __init__(self, what: str, *, where: str = "", offline: bool = False) -> None:
        self.offline = offline
        super().__init__(what, where=where)


@dataclass(frozen=True)
class Price:
    """US dollars for one `unit` (Hrs, GB-Mo or GB), and the day of the price list."""

    usd: Decimal
    unit: str
    date: str

    @property
    def hourly(self) -> Decimal:
        """For an hour: of the thing itself, or of one GB kept."""
        return self.usd / HOURS_A_MONTH if self.unit == GB_MONTH else self.usd


class Prices:
    """Asks for each price once. Every method raises PriceUnknown; safe in threads."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._asked: dict[tuple[str, ...], Future[Price]] = {}
        self._lock = threading.Lock()

    def instance(self, region: str, instance_type: str, *, spot: bool = False) -> Price:
        """An hour of Linux on demand, or on spot as it is now in the dearest zone."""
        if spot:
            return self._once(("spot", region, instance_type), self._spot)
        return self._listed(
            "AmazonEC2", HOUR, productFamily="Compute Instance", regionCode=region,
            instanceType=instance_type, operatingSystem="Linux", tenancy="Shared",
            preInstalledSw="NA", capacitystatus="Used", marketoption="OnDemand",
        )

    def volume(self, region: str, volume_type: str = "gp3") -> Price:
        """A GB of volume for a month (gp3: with the IOPS and throughput that it comes with)."""
        return self._listed(
            "AmazonEC2", GB_MONTH, productFamily="Storage", regionCode=region,
            volumeApiName=volume_type,
        )

    def address(self, region: str) -> Price:
        """An hour of one public IPv4 address that is in use."""
        return self._listed(
            "AmazonVPC", HOUR, suffix="PublicIPv4:InUseAddress", regionCode=region,
            group="VPCPublicIPv4Address",
        )

    def traffic(self, source: str, target: str) -> Price:
        """A GB from one region to another, paid where it leaves; the same: between zones."""
        if source == target:
            return self._listed(
                "AWSDataTransfer", GB, suffix="DataTransfer-Regional-Bytes",
                transferType="IntraRegion", fromRegionCode=source, toRegionCode=target,
            )
        return self._listed(
            "AWSDataTransfer", GB, suffix="AWS-Out-Bytes", transferType="InterRegion Outbound",
            fromRegionCode=source, toRegionCode=target,
        )

    def _listed(self, service: str, unit: str, *, suffix: str = "", **fields: str) -> Price:
        words = (service, unit, suffix, *(f"{k}={v}" for k, v in sorted(fields.items())))
        return self._once(words, lambda *_: self._ask(service, unit, suffix, fields))

    def _once(self, key: tuple[str, ...], ask: Callable[..., Price]) -> Price:
        with self._lock:
            future = self._asked.get(key)
            mine = future is None
            if future is None:
                future = self._asked[key] = Future()
        if mine:
            try:
                future.set_result(ask(*key[1:]))
            except Exception as error:  # handed to everybody who asked for it
                future.set_exception(error)
        return future.result()

    def _ask(self, service: str, unit: str, suffix: str, fields: Mapping[str, str]) -> Price:
        filters = [
            {"Type": "TERM_MATCH", "Field": key, "Value": value} for key, value in fields.items()
        ]
        where = ", ".join(fields.values())
        try:
            products = self._clients.items(
                "pricing", GLOBAL_REGION, "get_products", "PriceList", ServiceCode=service,
                Filters=filters,
            )
        except AwsError as error:
            raise PriceUnknown(f"the Pricing API cannot be asked: {error}", offline=True) from error
        offers = [json.loads(text) if isinstance(text, str) else text for text in products]
        found = {price for offer in offers for price in _offered(offer, unit, suffix)}
        if len(found) != 1:
            what = "has no price for this" if not found else "has more than one price for this"
            raise PriceUnknown(f"the Pricing API {what}", where=f"{service}: {where}")
        return found.pop()

    def _spot(self, region: str, instance_type: str) -> Price:
        try:
            history = self._clients.items(
                "ec2", region, "describe_spot_price_history", "SpotPriceHistory",
                InstanceTypes=[instance_type], ProductDescriptions=["Linux/UNIX"],
                StartTime=datetime.now(UTC),
            )
        except AwsError as error:
            raise PriceUnknown(f"spot prices cannot be asked: {error}", offline=True) from error
        if not history:
            raise PriceUnknown(f"no spot price of {instance_type}", where=region)
        dearest = max(history, key=lambda one: Decimal(one["SpotPrice"]))
        return Price(Decimal(dearest["SpotPrice"]), HOUR, datetime.now(UTC).date().isoformat())


def _offered(offer: Mapping[str, Any], unit: str, suffix: str) -> Iterable[Price]:
    """The prices on demand of one product; of prices by amount, the first step's."""
    attributes = offer["product"]["attributes"]
    if not attributes.get("usagetype", "").endswith(suffix):
        return
    for term in offer["terms"].get("OnDemand", {}).values():
        steps = sorted(
            term["priceDimensions"].values(), key=lambda step: Decimal(step.get("beginRange", "0"))
        )
        for step in steps[:1]:
            if UNITS.get(step["unit"]) != unit or "USD" not in step["pricePerUnit"]:
                continue
            try:
                usd = Decimal(step["pricePerUnit"]["USD"])
            except InvalidOperation:
                continue
            yield Price(usd.normalize(), unit, str(offer.get("publicationDate", ""))[:10])
