"""One datacenter as one stack: a VPC with its subnets, rules and instances in one region."""

from __future__ import annotations

from constructs import Construct

from lab.aws.sizes import image_id, image_parameter, instance_type, region, volume_gb
from lab.aws.tags import EXPIRES, NAME
from lab.listeners import KINDS, wanted
from lab.options.fixed import USER
from lab.topology import Datacenter, Host, Topology
from stacks import aws, plan
from stacks.base import add_backend, add_provider
from stacks.engine import cdk
from stacks.user_data import escape, user_data

ANY_PROTOCOL = "-1"
# What must not touch a host that exists. A newer image or first-boot script is for new hosts; the
# end is moved from outside; and a host that is stopped for the night has no public address, which
# would otherwise be reason enough to replace it.
_UNMOVED = [
    "ami", "user_data", "associate_public_ip_address",
    *(f'{tags}["{EXPIRES}"]' for tags in ("tags", "volume_tags")),
]


class DatacenterStack(cdk.TerraformStack):
    """Everything of one datacenter; plans, applies and is destroyed without the others."""

    def __init__(
        self, scope: Construct, topology: Topology, datacenter: Datacenter, public_key: str
    ) -> None:
        super().__init__(scope, plan.stack_name(topology.lab, datacenter.name))
        self.topology, self.datacenter = topology, datacenter
        self.title = plan.title(topology, datacenter)
        self.tags = plan.given_tags(topology, plan.datacenter_tags(topology, datacenter))
        self.region = region(topology, datacenter)
        add_backend(self, topology)
        add_provider(self, topology, self.region, self.tags)
        self.internet: aws.Route | None = None
        # A network that exists already is left as it is: only its ids are used.
        self.vpc_id = datacenter.config.vpc_id or self._vpc()
        self.subnet_ids = datacenter.config.subnet_ids or self._subnets()
        self.group = self._group()
        self.key = aws.KeyPair(self, "key", key_name=self.title, public_key=public_key)
        self.images = self._images()
        self.instances = {host.name: self._instance(host) for host in datacenter.hosts}
        self._outputs()

    def _vpc(self) -> str:
        """A network of the datacenter's own, with a way out."""
        vpc = aws.Vpc(
            self, "vpc", cidr_block=str(self.datacenter.cidr), enable_dns_hostnames=True,
            enable_dns_support=True, tags=self._named(),
        )
        aws.DefaultSecurityGroup(self, "default", vpc_id=vpc.id, tags=self._named("default"))
        self.vpc_id = vpc.id
        self.internet = self._internet()
        return str(vpc.id)

    def _named(self, part: str = "") -> dict[str, str]:
        return {NAME: f"{self.title}-{part}" if part else self.title}

    def _internet(self) -> aws.Route:
        """The way out. Instances wait for it, and so it is the last thing to be taken away."""
        gateway = aws.InternetGateway(self, "internet", vpc_id=self.vpc_id, tags=self._named())
        # The stack of the links finds the table by its tags.
        self.table = aws.RouteTable(self, "routes", vpc_id=self.vpc_id, tags=self._named())
        return aws.Route(
            self, "internet-route", route_table_id=self.table.id,
            destination_cidr_block=plan.ALL_IPV4, gateway_id=gateway.id,
        )

    def _subnets(self) -> tuple[str, ...]:
        """One subnet a zone, in zones that have every type of instance the datacenter needs."""
        zones = self._zones()
        count = len(self.datacenter.subnets)
        types = ", ".join(plan.instance_types(self.topology, self.datacenter))
        enough = cdk.Precondition(
            condition=f"${{length({zones}) >= {count}}}",
            error_message=f"{self.region} has fewer than {count} zones with {types}: choose other "
            "instance_types, or fewer zones",
        )
        subnets = []
        for index, cidr in enumerate(self.datacenter.subnets):
            letter = "abc"[index]
            subnet = aws.Subnet(
                self, f"subnet-{letter}", vpc_id=self.vpc_id, cidr_block=str(cidr),
                availability_zone_id=f"${{{zones}[{index}]}}", tags=self._named(letter),
                # A region that gets another zone must not move a subnet with all its hosts.
                lifecycle=cdk.TerraformResourceLifecycle(
                    ignore_changes=["availability_zone_id"], precondition=[enough]
                ),
            )
            aws.RouteTableAssociation(
                self, f"routes-{letter}", subnet_id=subnet.id, route_table_id=self.table.id
            )
            subnets.append(subnet.id)
        return tuple(subnets)

    def _zones(self) -> str:
        """An expression: the ids of the usable zones, in their order."""
        zones = aws.DataAwsAvailabilityZones(
            self, "zones", state="available",
            filter=[aws.DataAwsAvailabilityZonesFilter(
                name="opt-in-status", values=["opt-in-not-required"]
            )],
        )
        sets = [f"{zones.address}.zone_ids"]
        for name in plan.instance_types(self.topology, self.datacenter):
            offered = aws.DataAwsEc2InstanceTypeOfferings(
                self, f"zones-with-{name.replace('.', '-')}", location_type="availability-zone-id",
                filter=[aws.DataAwsEc2InstanceTypeOfferingsFilter(
                    name="instance-type", values=[name]
                )],
            )
            sets.append(f"{offered.address}.locations")
        return f"sort(setintersection({', '.join(sets)}))"

    def _group(self) -> aws.SecurityGroup:
        """The lab's rules as the rules of one security group, each a resource of its own."""
        group = aws.SecurityGroup(
            self, "group", name=self.title, description=f"Hosts of {self.title}",
            vpc_id=self.vpc_id, tags=self._named(),
        )
        for rule in plan.ingress(self.topology, self.datacenter):
            first, last = rule.ports or (None, None)
            aws.VpcSecurityGroupIngressRule(
                self, rule.id, security_group_id=group.id, description=rule.description,
                cidr_ipv4=str(rule.source), ip_protocol="tcp" if rule.ports else ANY_PROTOCOL,
                from_port=first, to_port=last, tags={NAME: rule.description},
            )
        aws.VpcSecurityGroupEgressRule(
            self, "out", security_group_id=group.id, description="out",
            cidr_ipv4=plan.ALL_IPV4, ip_protocol=ANY_PROTOCOL, tags={NAME: "out"},
        )
        return group

    def _images(self) -> dict[str, str]:
        """The newest image that each public parameter in use names; one an architecture."""
        return {
            parameter: aws.DataAwsSsmParameter(
                self, f"image-{parameter.rpartition('/')[2].replace('_', '-')}", name=parameter
            ).insecure_value
            for parameter in plan.images(self.topology, self.datacenter)
        }

    def _instance(self, host: Host) -> aws.Instance:
        config = self.topology.config.aws
        own = plan.host_tags(self.topology, host)
        ends = config.spot or config.ttl_hours is not None
        return aws.Instance(
            self, plan.host_id(host),
            ami=image_id(self.topology, self.datacenter)
            or self.images[image_parameter(self.topology, host)],
            instance_type=instance_type(self.topology, host),
            subnet_id=self.subnet_ids[host.zone],
            private_ip=str(host.address),
            associate_public_ip_address=config.public_addresses,
            vpc_security_group_ids=[self.group.id],
            key_name=self.key.key_name,
            iam_instance_profile=config.instance_profile,
            user_data=escape(user_data(host)),
            instance_initiated_shutdown_behavior="terminate" if ends else "stop",
            metadata_options=aws.InstanceMetadataOptions(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1,
                instance_metadata_tags="enabled",
            ),
            root_block_device=aws.InstanceRootBlockDevice(
                encrypted=True, volume_type="gp3", delete_on_termination=True,
                volume_size=volume_gb(self.topology, host),
            ),
            instance_market_options=_spot() if config.spot else None,
            tags=own,
            volume_tags=own,  # the provider adds its default tags, and reads them without these
            depends_on=[self.internet] if self.internet else None,
            lifecycle=cdk.TerraformResourceLifecycle(ignore_changes=_UNMOVED),
        )

    def _outputs(self) -> None:
        """What a person needs next: where the hosts are, and how to reach them."""
        instances = self.instances
        reached = {
            name: one.public_ip if self.topology.config.aws.public_addresses else one.private_ip
            for name, one in instances.items()
        }
        brokers = [reached[host.name] for host in self.datacenter.by_role("kafka")]
        outside = KINDS[wanted(self.topology.config.security).people].outside
        values: dict[str, object] = {
            "region": self.region,
            "vpc_id": self.vpc_id,
            "hosts": {
                name: {
                    "id": one.id, "public_ip": one.public_ip, "private_ip": one.private_ip,
                    "zone": one.availability_zone,
                }
                for name, one in instances.items()
            },
            "ssh": {name: f"ssh {USER}@{address}" for name, address in reached.items()},
            "bootstrap": ",".join(f"{address}:{outside}" for address in brokers),
        }
        for name, value in values.items():
            cdk.TerraformOutput(self, name, value=value, static_id=True)


def _spot() -> aws.InstanceInstanceMarketOptions:
    """Asked for once: a host that EC2 takes back is gone, and the next apply makes it anew."""
    return aws.InstanceInstanceMarketOptions(
        market_type="spot",
        spot_options=aws.InstanceInstanceMarketOptionsSpotOptions(
            spot_instance_type="one-time", instance_interruption_behavior="terminate"
        ),
    )
