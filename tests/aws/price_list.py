"""A price list in the shape of AWS's (Price List API, "Reading the price list"), for three regions.

The figures are the tests' own. A filter on an attribute that the service does not have is an error
here, where AWS would answer with nothing.
"""

from __future__ import annotations

from typing import Any

DATE = "2026-01-15T00:00:00Z"
REGIONS = {"eu-central-1": "EUC1", "us-east-1": "USE1", "eu-west-1": "EU"}
HOURLY = {"t3.micro": "0.0120000000", "t3.small": "0.0240000000", "t4g.small": "0.0192000000"}
COMPUTE = {
    "operatingSystem": "Linux", "tenancy": "Shared", "preInstalledSw": "NA",
    "capacitystatus": "Used", "marketoption": "OnDemand",
}
ATTRIBUTES = {
    "AmazonEC2": {"productFamily", "regionCode", "instanceType", "volumeApiName", *COMPUTE},
    "AmazonVPC": {"regionCode", "group"},
    "AWSDataTransfer": {"transferType", "fromRegionCode", "toRegionCode"},
}


def products(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """What GetProducts would list."""
    service = asked["ServiceCode"]
    wanted = {}
    for one in asked["Filters"]:
        assert one["Type"] == "TERM_MATCH", one
        assert one["Field"] in ATTRIBUTES[service], f"{service} has no attribute {one['Field']}"
        wanted[one["Field"]] = one["Value"]
    return [
        offer for offer in _all(service)
        if all(offer["product"]["attributes"].get(key, offer["product"].get(key)) == value
               for key, value in wanted.items())
    ]


def _all(service: str) -> list[dict[str, Any]]:
    found = []
    for region, short in REGIONS.items():
        if service == "AmazonEC2":
            for name, usd in HOURLY.items():
                found.append(_offer(service, "Compute Instance", "Hrs", usd, {
                    **COMPUTE, "regionCode": region, "instanceType": name,
                    "usagetype": f"{short}-BoxUsage:{name}",
                }))
                found.append(_offer(service, "Compute Instance", "Hrs", "9.9900000000", {
                    **COMPUTE, "operatingSystem": "Windows", "regionCode": region,
                    "instanceType": name, "usagetype": f"{short}-BoxUsage:{name}",
                }))
            found.append(_offer(service, "Storage", "GB-Mo", "0.0952000000", {
                "regionCode": region, "volumeApiName": "gp3",
                "usagetype": f"{short}-EBS:VolumeUsage.gp3",
            }))
        elif service == "AmazonVPC":
            for use in ("InUseAddress", "IdleAddress"):
                found.append(_offer(service, "", "Hrs", "0.0050000000", {
                    "regionCode": region, "group": "VPCPublicIPv4Address",
                    "usagetype": f"{short}-PublicIPv4:{use}",
                }))
        else:
            found.append(_offer(service, "Data Transfer", "GB", "0.0100000000", {
                "transferType": "IntraRegion", "fromRegionCode": region, "toRegionCode": region,
                "usagetype": f"{short}-DataTransfer-Regional-Bytes",
            }))
            for other, its in REGIONS.items():
                if other != region:
                    found.append(_offer(service, "Data Transfer", "GB", "0.0200000000", {
                        "transferType": "InterRegion Outbound", "fromRegionCode": region,
                        "toRegionCode": other, "usagetype": f"{short}-{its}-AWS-Out-Bytes",
                    }))
    return found


def _offer(
    service: str, family: str, unit: str, usd: str, attributes: dict[str, str]
) -> dict[str, Any]:
    sku = f"SKU{abs(hash((service, *attributes.values()))):X}"[:16]
    term, rate = f"{sku}.JRTCKXETXF", f"{sku}.JRTCKXETXF.6YS6EN2CT7"
    return {
        "product": {"productFamily": family, "attributes": attributes, "sku": sku},
        "serviceCode": service, "version": "20260115000000", "publicationDate": DATE,
        "terms": {"OnDemand": {term: {
            "sku": sku, "offerTermCode": "JRTCKXETXF", "priceDimensions": {rate: {
                "unit": unit, "beginRange": "0", "endRange": "Inf", "rateCode": rate,
                "pricePerUnit": {"USD": usd},
            }},
        }}},
    }
