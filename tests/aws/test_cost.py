"""Prices: what the Pricing API tells, added up; and nothing where it tells nothing."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from botocore.exceptions import ClientError

from scripts.errors import LabError
from scripts.platforms.aws import cost
from scripts.platforms.aws.clients import AwsError, Clients, spoken
from scripts.platforms.aws.cost import Bill, Item
from scripts.platforms.aws.prices import Prices, PriceUnknown
from tests.aws import price_list
from tests.aws.conftest import Cloud, MakeCloud


def bill(cloud: Cloud) -> Bill:
    return cost.bill(Prices(cloud.platform.clients), cost.items(cloud.topology))


def test_what_a_lab_is_made_of(cloud: Cloud) -> None:
    assert cost.items(cloud.topology) == [
        Item("eu-central-1", "instance", "t3.micro", 2),
        Item("eu-central-1", "instance", "t3.small", 2),
        Item("us-east-1", "instance", "t3.micro", 1),
        Item("us-east-1", "instance", "t3.small", 1),
        Item("eu-central-1", "volume", "gp3", 60),
        Item("us-east-1", "volume", "gp3", 30),
        Item("eu-central-1", "address", "IPv4", 4),
        Item("us-east-1", "address", "IPv4", 2),
        Item("eu-central-1", "traffic", "us-east-1", 0),
        Item("us-east-1", "traffic", "eu-central-1", 0),
    ]


def test_the_sum_is_that_of_the_price_list(cloud: Cloud) -> None:
    found = bill(cloud)
    hosts = 3 * Decimal("0.012") + 3 * Decimal("0.024") + 6 * Decimal("0.005")
    assert found.hourly == pytest.approx(hosts + 90 * Decimal("0.0952") / 730)
    assert found.complete
    assert found.dates == "2026-01-15"
    hour, dated, *rest = cost.summary(found, 8)
    assert hour.startswith("$0.1497 an hour, $3.59 a day, $1.20 until its TTL of 8 h")
    assert "list prices in USD of 2026-01-15, asked on 20" in dated
    assert rest == []
    assert "no aws.ttl_hours" in cost.summary(found, None)[0]


def test_zones_pay_for_what_they_tell_each_other(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(datacenter="zones = 2")
    line = next(one for one in bill(cloud).lines if one.item.words == "between zones")
    assert line.price is not None
    assert (line.item.region, line.price.usd) == ("eu-central-1", Decimal("0.01"))


def test_spot_is_what_the_dearest_zone_asks_now(make_cloud: MakeCloud) -> None:
    found = bill(make_cloud(aws="spot = true"))
    kinds = {line.item.kind for line in found.lines}
    assert "spot" in kinds
    assert "instance" not in kinds
    assert all(line.price for line in found.lines)


def test_without_the_pricing_api_there_is_no_figure(cloud: Cloud) -> None:
    cloud.emulator.offline.add("pricing")
    found = bill(cloud)
    said = cost.summary(found, 8)
    assert not found.complete
    assert said[0].startswith("price unknown: the Pricing API cannot be asked")
    assert "2 x t3.micro in eu-central-1" in said[1]
    assert not any("$" in line for line in said)


@pytest.mark.parametrize(("service", "ask"), [
    ("pricing", lambda clients: Prices(clients).address("eu-central-1")),
    ("ec2", lambda clients: clients.items("ec2", "eu-central-1", "describe_vpcs", "Vpcs")),
    ("sts", lambda clients: clients.each(
        lambda region: clients("sts", region).get_caller_identity(), ["eu-central-1"]
    )),
])
def test_a_page_in_place_of_an_answer_is_its_title(
    service: str, ask: Callable[[Clients], object], cloud: Cloud
) -> None:
    """A proxy answers so, and AWS's own front does where a service is down."""
    cloud.emulator.walled.add(service)
    with pytest.raises(LabError) as caught:
        ask(cloud.platform.clients)
    told = str(caught.value)
    assert "Access denied" in told, told
    assert not any(sign in told for sign in ("<", "\n", "policy of your network", "margin"))
    assert len(told) < 150


def test_an_answer_without_words_is_not_told_as_nothing() -> None:
    error = ClientError({"ResponseMetadata": {"HTTPStatusCode": 403}}, "GetCallerIdentity")
    words = r"^x: GetCallerIdentity: answered with HTTP 403 and no"
    with pytest.raises(AwsError, match=words), spoken("x"):
        raise error


def test_a_single_unknown_price_makes_the_sum_a_least(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(price_list.HOURLY, "t3.small")
    found = bill(cloud)
    said = cost.summary(found, 8)
    assert said[0].startswith("at least $0.07")
    assert "unknown: 2 x t3.small in eu-central-1: AmazonEC2: " in said[2]
    assert ["eu-central-1", "2 x t3.small", "?", "?", "?"] in cost.rows(found)


def test_two_prices_for_one_thing_are_none(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(price_list.COMPUTE, "operatingSystem")
    monkeypatch.setitem(price_list.ATTRIBUTES, "AmazonEC2", {
        *price_list.ATTRIBUTES["AmazonEC2"], "operatingSystem",
    })
    with pytest.raises(PriceUnknown):
        Prices(cloud.platform.clients).instance("eu-central-1", "t3.micro")


def test_each_price_is_asked_for_once(cloud: Cloud) -> None:
    prices = Prices(cloud.platform.clients)
    one = prices.address("eu-central-1")
    pages = cloud.emulator.count("GetProducts")
    assert prices.address("eu-central-1") == one
    assert cloud.emulator.count("GetProducts") == pages


def test_amounts_as_people_read_them() -> None:
    assert [cost.dollars(None if v is None else Decimal(v)) for v in
            ("0", "0.0123456", "1.5", "123", None)] == ["$0.00", "$0.0123", "$1.50", "$123.00", "?"]
    assert cost.total([Decimal(1), None]) == "at least $1.00"
    assert cost.total([Decimal(1), Decimal(2)]) == "$3.00"
