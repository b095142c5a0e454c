"""The links of a lab as one stack: peered VPCs, and the routes to each other on both sides.

It knows the datacenters by their tags, not by the state of their stacks, so it needs them to be
there when it is planned and nothing else of them.
"""

from __future__ import annotations

from constructs import Construct

from lab.aws.tags import NAME
from lab.topology import Datacenter, Topology
from stacks import aws, plan
from stacks.base import add_backend, add_provider
from stacks.engine import cdk


class PeeringStack(cdk.TerraformStack):
    """All links of a lab, in whatever regions their datacenters are."""

    def __init__(self, scope: Construct, topology: Topology) -> None:
        super().__init__(scope, plan.links_stack(topology))
        self.topology = topology
        add_backend(self, topology)
        self.peerings = tuple(plan.peerings(topology))
        regions = dict.fromkeys(region for peering in self.peerings for region in peering.regions)
        tags = plan.given_tags(topology, plan.lab_tags(topology))
        self.providers = {
            region: add_provider(self, topology, region, tags, alias=region) for region in regions
        }
        linked = {
            end.name: (end, region)
            for peering in self.peerings
            for end, region in zip(peering.ends, peering.regions, strict=True)
        }
        self.vpcs = {name: self._vpc(*pair) for name, pair in linked.items()}
        self.tables = {name: self._table(*pair) for name, pair in linked.items()}
        ids = {peering.id: self._peering(peering) for peering in self.peerings}
        cdk.TerraformOutput(self, "peerings", value=ids, static_id=True)

    def _vpc(self, datacenter: Datacenter, region: str) -> str:
        return aws.DataAwsVpc(
            self, f"vpc-{datacenter.name}", provider=self.providers[region],
            tags=plan.datacenter_tags(self.topology, datacenter),
        ).id

    def _table(self, datacenter: Datacenter, region: str) -> str:
        return aws.DataAwsRouteTable(
            self, f"routes-{datacenter.name}", provider=self.providers[region],
            vpc_id=self.vpcs[datacenter.name],
            tags=plan.datacenter_tags(self.topology, datacenter),
        ).id

    def _peering(self, peering: plan.Peering) -> str:
        """One link: asked for in the one region, accepted in the other, then routed."""
        here, there = (self.providers[region] for region in peering.regions)
        asking, answering = peering.ends
        same = peering.regions[0] == peering.regions[1]
        tags = {NAME: "-".join((
            self.topology.config.owner, self.topology.lab, asking.name, answering.name
        ))}
        asked = aws.VpcPeeringConnection(
            self, f"peering-{peering.id}", provider=here, vpc_id=self.vpcs[asking.name],
            peer_vpc_id=self.vpcs[answering.name],
            peer_region=None if same else peering.regions[1], auto_accept=False, tags=tags,
        )
        accepted = aws.VpcPeeringConnectionAccepterA(
            self, f"accepted-{peering.id}", provider=there, vpc_peering_connection_id=asked.id,
            auto_accept=True, tags=tags,
        )
        for (end, peer), provider in zip(
            ((asking, answering), (answering, asking)), (here, there), strict=True
        ):
            aws.Route(
                self, f"route-{end.name}_{peer.name}", provider=provider,
                route_table_id=self.tables[end.name], destination_cidr_block=str(peer.cidr),
                vpc_peering_connection_id=accepted.id,
            )
        return asked.id
