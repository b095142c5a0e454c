"""Bindings for what the stacks use of the AWS provider: 19 resource and data source types.

Made by `make bindings` (stacks/generate.py) from the schema in cdktf_cdktf_provider_aws 21.22.1;
do not edit. An argument has the name that Terraform gives it; None stands for "not given".
"""
# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Mapping, Sequence

from constructs import Construct

from stacks.bindings import Block, Data, Provider, Resource, Text, Texts, block, checked
from stacks.engine import cdk


@block
class AwsProviderDefaultTags(Block):
    """The block default_tags.

    tags: Resource tags to default across all resources. Can also be configured with environment
        variables like `TF_AWS_DEFAULT_TAGS_<tag_name>`.
    """

    tags: Mapping[str, str] | None = None


@block
class AwsProviderEndpoints(Block):
    """The block endpoints.

    ec2: Use this to override the default service endpoint URL.
    iam: Use this to override the default service endpoint URL.
    s3: Use this to override the default service endpoint URL.
    ssm: Use this to override the default service endpoint URL.
    sts: Use this to override the default service endpoint URL.
    """

    ec2: str | None = None
    iam: str | None = None
    s3: str | None = None
    ssm: str | None = None
    sts: str | None = None


@block
class AwsProviderIgnoreTags(Block):
    """The block ignore_tags.

    key_prefixes: Resource tag key prefixes to ignore across all resources. Can also be configured
        with the TF_AWS_IGNORE_TAGS_KEY_PREFIXES environment variable.
    keys: Resource tag keys to ignore across all resources. Can also be configured with the
        TF_AWS_IGNORE_TAGS_KEYS environment variable.
    """

    key_prefixes: Sequence[str] | None = None
    keys: Sequence[str] | None = None


class AwsProvider(Provider):
    """The configuration of the AWS provider.

    access_key: The access key for API operations. You can retrieve this from the 'Security &
        Credentials' section of the AWS console.
    alias: Alias name.
    max_retries: The maximum number of times an AWS API request is being executed.
    profile: The profile for API operations. If not set, the default profile created with `aws
        configure` will be used.
    region: The region where AWS operations will take place. Examples are us-east-1, us-west-2, etc.
    s3_use_path_style: Set this to true to enable the request to use path-style addressing, i.e.,
        https://s3.amazonaws.com/BUCKET/KEY. By default, the S3 client will use virtual hosted
        bucket addressing when possible (https://BUCKET.s3.amazonaws.com/KEY). Specific to the
        Amazon S3 service.
    secret_key: The secret key for API operations. You can retrieve this from the 'Security &
        Credentials' section of the AWS console.
    skip_credentials_validation: Skip the credentials validation via STS API. Used for AWS API
        implementations that do not have STS available/implemented.
    skip_metadata_api_check: Skip the AWS Metadata API check. Used for AWS API implementations that
        do not have a metadata api endpoint.
    skip_region_validation: Skip static validation of region name.
    skip_requesting_account_id: Skip requesting the account ID. Used for AWS API implementations
        that do not have IAM/STS API and/or metadata API.
    """

    @checked
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        access_key: str | None = None,
        alias: str | None = None,
        allowed_account_ids: Sequence[str] | None = None,
        default_tags: Sequence[AwsProviderDefaultTags] | None = None,
        endpoints: Sequence[AwsProviderEndpoints] | None = None,
        ignore_tags: Sequence[AwsProviderIgnoreTags] | None = None,
        max_retries: float | None = None,
        profile: str | None = None,
        region: str | None = None,
        s3_use_path_style: bool | None = None,
        secret_key: str | None = None,
        skip_credentials_validation: bool | None = None,
        skip_metadata_api_check: str | None = None,
        skip_region_validation: bool | None = None,
        skip_requesting_account_id: bool | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            {
                "access_key": access_key,
                "alias": alias,
                "allowed_account_ids": allowed_account_ids,
                "default_tags": default_tags,
                "endpoints": endpoints,
                "ignore_tags": ignore_tags,
                "max_retries": max_retries,
                "profile": profile,
                "region": region,
                "s3_use_path_style": s3_use_path_style,
                "secret_key": secret_key,
                "skip_credentials_validation": skip_credentials_validation,
                "skip_metadata_api_check": skip_metadata_api_check,
                "skip_region_validation": skip_region_validation,
                "skip_requesting_account_id": skip_requesting_account_id,
            },
        )


@block
class DefaultSecurityGroupEgress(Block):
    """The block egress."""

    cidr_blocks: Sequence[str] | None = None
    description: str | None = None
    from_port: float | None = None
    ipv6_cidr_blocks: Sequence[str] | None = None
    prefix_list_ids: Sequence[str] | None = None
    protocol: str | None = None
    security_groups: Sequence[str] | None = None
    self: bool | None = None
    to_port: float | None = None


@block
class DefaultSecurityGroupIngress(Block):
    """The block ingress."""

    cidr_blocks: Sequence[str] | None = None
    description: str | None = None
    from_port: float | None = None
    ipv6_cidr_blocks: Sequence[str] | None = None
    prefix_list_ids: Sequence[str] | None = None
    protocol: str | None = None
    security_groups: Sequence[str] | None = None
    self: bool | None = None
    to_port: float | None = None


class DefaultSecurityGroup(Resource):
    """The resource aws_default_security_group."""

    TYPE = "aws_default_security_group"
    arn = Text()
    description = Text()
    id = Text()
    name = Text()
    name_prefix = Text()
    owner_id = Text()
    vpc_id = Text()

    @checked
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        egress: Sequence[DefaultSecurityGroupEgress] | None = None,
        ingress: Sequence[DefaultSecurityGroupIngress] | None = None,
        revoke_rules_on_delete: bool | None = None,
        tags: Mapping[str, str] | None = None,
        vpc_id: str | None = None,
        provider: cdk.TerraformProvider | None = None,
        depends_on: Sequence[cdk.ITerraformDependable] | None = None,
        lifecycle: cdk.TerraformResourceLifecycle | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            {
                "egress": egress,
                "ingress": ingress,
                "revoke_rules_on_delete": revoke_rules_on_delete,
                "tags": tags,
                "vpc_id": vpc_id,
            },
            provider=provider,
            depends_on=depends_on,
            lifecycle=lifecycle,
        )


@block
class InstanceCapacityReservationSpecificationCapacityReservationTarget(Block):
    """The block capacity_reservation_target."""

    capacity_reservation_id: str | None = None
    capacity_reservation_resource_group_arn: str | None = None


@block
class InstanceCapacityReservationSpecification(Block):
    """The block capacity_reservation_specification."""

    capacity_reservation_preference: str | None = None
    capacity_reservation_target: InstanceCapacityReservationSpecificationCapacityReservationTarget | None = None


@block
class InstanceCpuOptions(Block):
    """The block cpu_options."""

    amd_sev_snp: str | None = None
    core_count: float | None = None
    threads_per_core: float | None = None


@block
class InstanceCreditSpecification(Block):
    """The block credit_specification."""

    cpu_credits: str | None = None


@block
class InstanceEbsBlockDevice(Block):
    """The block ebs_block_device.

    device_name: needed.
    """

    device_name: str
    delete_on_termination: bool | None = None
    encrypted: bool | None = None
    iops: float | None = None
    kms_key_id: str | None = None
    snapshot_id: str | None = None
    tags: Mapping[str, str] | None = None
    tags_all: Mapping[str, str] | None = None
    throughput: float | None = None
    volume_size: float | None = None
    volume_type: str | None = None


@block
class InstanceEnclaveOptions(Block):
    """The block enclave_options."""

    enabled: bool | None = None


@block
class InstanceEphemeralBlockDevice(Block):
    """The block ephemeral_block_device.

    device_name: needed.
    """

    device_name: str
    no_device: bool | None = None
    virtual_name: str | None = None


@block
class InstanceInstanceMarketOptionsSpotOptions(Block):
    """The block spot_options."""

    instance_interruption_behavior: str | None = None
    max_price: str | None = None
    spot_instance_type: str | None = None
    valid_until: str | None = None


@block
class InstanceInstanceMarketOptions(Block):
    """The block instance_market_options."""

    market_type: str | None = None
    spot_options: InstanceInstanceMarketOptionsSpotOptions | None = None


@block
class InstanceLaunchTemplate(Block):
    """The block launch_template."""

    id: str | None = None
    name: str | None = None
    version: str | None = None


@block
class InstanceMaintenanceOptions(Block):
    """The block maintenance_options."""

    auto_recovery: str | None = None


@block
class InstanceMetadataOptions(Block):
    """The block metadata_options."""

    http_endpoint: str | None = None
    http_protocol_ipv6: str | None = None
    http_put_response_hop_limit: float | None = None
    http_tokens: str | None = None
    instance_metadata_tags: str | None = None


@block
class InstanceNetworkInterface(Block):
    """The block network_interface.

    device_index: needed.
    network_interface_id: needed.
    """

    device_index: float
    network_interface_id: str
    delete_on_termination: bool | None = None
    network_card_index: float | None = None


@block
class InstancePrimaryNetworkInterface(Block):
    """The block primary_network_interface.

    network_interface_id: needed.
    """

    network_interface_id: str


@block
class InstancePrivateDnsNameOptions(Block):
    """The block private_dns_name_options."""

    enable_resource_name_dns_a_record: bool | None = None
    enable_resource_name_dns_aaaa_record: bool | None = None
    hostname_type: str | None = None


@block
class InstanceRootBlockDevice(Block):
    """The block root_block_device."""

    delete_on_termination: bool | None = None
    encrypted: bool | None = None
    iops: float | None = None
    kms_key_id: str | None = None
    tags: Mapping[str, str] | None = None
    tags_all: Mapping[str, str] | None = None
    throughput: float | None = None
    volume_size: float | None = None
    volume_type: str | None = None


class Instance(Resource):
    """The resource aws_instance."""

    TYPE = "aws_instance"
    ami = Text()
    arn = Text()
    availability_zone = Text()
    host_id = Text()
    host_resource_group_arn = Text()
    iam_instance_profile = Text()
    id = Text()
    instance_initiated_shutdown_behavior = Text()
    instance_lifecycle = Text()
    instance_state = Text()
    instance_type = Text()
    ipv6_addresses = Texts()
    key_name = Text()
    outpost_arn = Text()
    password_data = Text()
    placement_group = Text()
    placement_group_id = Text()
    primary_network_interface_id = Text()
    private_dns = Text()
    private_ip = Text()
    public_dns = Text()
    public_ip = Text()
    spot_instance_request_id = Text()
    subnet_id = Text()
    tenancy = Text()
    user_data = Text()
    user_data_base64 = Text()

    @checked
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        ami: str | None = None,
        associate_public_ip_address: bool | None = None,
        availability_zone: str | None = None,
        capacity_reservation_specification: InstanceCapacityReservationSpecification | None = None,
        cpu_options: InstanceCpuOptions | None = None,
        credit_specification: InstanceCreditSpecification | None = None,
        disable_api_stop: bool | None = None,
        disable_api_termination: bool | None = None,
        ebs_block_device: Sequence[InstanceEbsBlockDevice] | None = None,
        ebs_optimized: bool | None = None,
        enable_primary_ipv6: bool | None = None,
        enclave_options: InstanceEnclaveOptions | None = None,
        ephemeral_block_device: Sequence[InstanceEphemeralBlockDevice] | None = None,
        force_destroy: bool | None = None,
        get_password_data: bool | None = None,
        hibernation: bool | None = None,
        host_id: str | None = None,
        host_resource_group_arn: str | None = None,
        iam_instance_profile: str | None = None,
        instance_initiated_shutdown_behavior: str | None = None,
        instance_market_options: InstanceInstanceMarketOptions | None = None,
        instance_type: str | None = None,
        ipv6_address_count: float | None = None,
        ipv6_addresses: Sequence[str] | None = None,
        key_name: str | None = None,
        launch_template: InstanceLaunchTemplate | None = None,
        maintenance_options: InstanceMaintenanceOptions | None = None,
        metadata_options: InstanceMetadataOptions | None = None,
        monitoring: bool | None = None,
        network_interface: Sequence[InstanceNetworkInterface] | None = None,
        placement_group: str | None = None,
        placement_group_id: str | None = None,
        placement_partition_number: float | None = None,
        primary_network_interface: InstancePrimaryNetworkInterface | None = None,
        private_dns_name_options: InstancePrivateDnsNameOptions | None = None,
        private_ip: str | None = None,
        root_block_device: InstanceRootBlockDevice | None = None,
        secondary_private_ips: Sequence[str] | None = None,
        security_groups: Sequence[str] | None = None,
        source_dest_check: bool | None = None,
        subnet_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        tenancy: str | None = None,
        user_data: str | None = None,
        user_data_base64: str | None = None,
        user_data_replace_on_change: bool | None = None,
        volume_tags: Mapping[str, str] | None = None,
        vpc_security_group_ids: Sequence[str] | None = None,
        provider: cdk.TerraformProvider | None = None,
        depends_on: Sequence[cdk.ITerraformDependable] | None = None,
        lifecycle: cdk.TerraformResourceLifecycle | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            {
                "ami": ami,
                "associate_public_ip_address": associate_public_ip_address,
                "availability_zone": availability_zone,
                "capacity_reservation_specification": capacity_reservation_specification,
                "cpu_options": cpu_options,
                "credit_specification": credit_specification,
                "disable_api_stop": disable_api_stop,
                "disable_api_termination": disable_api_termination,
                "ebs_block_device": ebs_block_device,
                "ebs_optimized": ebs_optimized,
                "enable_primary_ipv6": enable_primary_ipv6,
                "enclave_options": enclave_options,
                "ephemeral_block_device": ephemeral_block_device,
                "force_destroy": force_destroy,
                "get_password_data": get_password_data,
                "hibernation": hibernation,
                "host_id": host_id,
                "host_resource_group_arn": host_resource_group_arn,
                "iam_instance_profile": iam_instance_profile,
                "instance_initiated_shutdown_behavior": instance_initiated_shutdown_behavior,
                "instance_market_options": instance_market_options,
                "instance_type": instance_type,
                "ipv6_address_count": ipv6_address_count,
                "ipv6_addresses": ipv6_addresses,
                "key_name": key_name,
                "launch_template": launch_template,
                "maintenance_options": maintenance_options,
                "metadata_options": metadata_options,
                "monitoring": monitoring,
                "network_interface": network_interface,
                "placement_group": placement_group,
                "placement_group_id": placement_group_id,
                "placement_partition_number": placement_partition_number,
                "primary_network_interface": primary_network_interface,
                "private_dns_name_options": private_dns_name_options,
                "private_ip": private_ip,
                "root_block_device": root_block_device,
                "secondary_private_ips": secondary_private_ips,
                "security_groups": security_groups,
                "source_dest_check": source_dest_check,
                "subnet_id": subnet_id,
                "tags": tags,
                "tenancy": tenancy,
                "user_data": user_data,
                "user_data_base64": user_data_base64,
                "user_data_replace_on_change": user_data_replace_on_change,
                "volume_tags": volume_tags,
                "vpc_security_group_ids": vpc_security_group_ids,
            },
            provider=provider,
            depends_on=depends_on,
            lifecycle=lifecycle,
        )


class InternetGateway(Resource):
    """The resource aws_internet_gateway."""

    TYPE = "aws_internet_gateway"
    arn = Text()
    id = Text()
    owner_id = Text()
    vpc_id = Text()

    @checked
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        tags: Mapping[str, str] | None = None,
        vpc_id: str | None = None,
        provider: cdk.TerraformProvider | None = None,
        depends_on: Sequence[cdk.ITerraformDependable] | None = None,
        lifecycle: cdk.TerraformResourceLifecycle | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            {
                "tags": tags,
                "vpc_id": vpc_id,
            },
            provider=provider,
            depends_on=depends_on,
            lifecycle=lifecycle,
        )


class KeyPair(Resource):
    """The resource aws_key_pair.

    public_key: needed.
    """

    TYPE = "aws_key_pair"
    arn = Text()
    fingerprint = Text()
    id = Text()
    key_name = Text()
    key_name_prefix = Text()
    key_pair_id = Text()
    key_type = Text()
    public_key = Text()

    @checked
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        public_key: str,
        key_name: str | None = None,
        key_name_prefix: str | None = None,
        tags: Mapping[str, str] | None = None,
        provider: cdk.TerraformProvider | None = None,
        depends_on: Sequence[cdk.ITerraformDependable] | None = None,
        lifecycle: cdk.TerraformResourceLifecycle | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            {
                "public_key": public_key,
                "key_name": key_name,
                "key_name_prefix": key_name_prefix,
                "tags": tags,
            },
            provider=provider,
            depends_on=depends_on,
            lifecycle=lifecycle,
        )


class Route(Resource):
    """The resource aws_route.

    route_table_id: needed.
    """

    TYPE = "aws_route"
    carrier_gateway_id = Text()
    core_network_arn = Text()
    destination_cidr_block = Text()
    destination_ipv6_cidr_block = Text()
    destination_prefix_list_id = Text()
    egress_only_gateway_id = Text()
    gateway_id = Text()
    id = Text()
    instance_id = Text()
    instance_owner_id = Text()
    local_gateway_id = Text()
    nat_gateway_id = Text()
    network_interface_id = Text()
    origin = Text()
    route_table_id = Text()
    state = Text()
    transit_gateway_id = Text()
    vpc_endpoint_id = Text()
    vpc_peering_connection_id = Text()

    @checked
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        route_table_id: str,
        carrier_gateway_id: str | None = None,
        core_network_arn: str | None = None,
        destination_cidr_block: str | None = None,
        destination_ipv6_cidr_block: str | None = None,
        destination_prefix_list_id: str | None = None,
        egress_only_gateway_id: str | None = None,
        gateway_id: str | None = None,
        local_gateway_id: str | None = None,
        nat_gateway_id: str | None = None,
        network_interface_id: str | None = None,
        transit_gateway_id: str | None = None,
        vpc_endpoint_id: str | None = None,
        vpc_peering_connection_id: str | None = None,
        provider: cdk.TerraformProvider | None = None,
        depends_on: Sequence[cdk.ITerraformDependable] | None = None,
        lifecycle: cdk.TerraformResourceLifecycle | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            {
                "route_table_id": route_table_id,
                "carrier_gateway_id": carrier_gateway_id,
                "core_network_arn": core_network_arn,
                "destination_cidr_block": destination_cidr_block,
                "destination_ipv6_cidr_block": destination_ipv6_cidr_block,
                "destination_prefix_list_id": destination_prefix_list_id,
                "egress_only_gateway_id": egress_only_gateway_id,
                "gateway_id": gateway_id,
                "local_gateway_id": local_gateway_id,
                "nat_gateway_id": nat_gateway_id,
                "network_interface_id": network_interface_id,
                "transit_gateway_id": transit_gateway_id,
                "vpc_endpoint_id": vpc_endpoint_id,
                "vpc_peering_connection_id": vpc_peering_connection_id,
            },
            provider=provider,
            depends_on=depends_on,
            lifecycle=lifecycle,
        )


@block
class RouteTableRoute(Block):
    """The block route."""

    carrier_gateway_id: str | None = None
    cidr_block: str | None = None
    core_network_arn: str | None = None
    destination_prefix_list_id: str | None = None
    egress_only_gateway_id: str | None = None
    gateway_id: str | None = None
    ipv6_cidr_block: str | None = None
    local_gateway_id: str | None = None
    nat_gateway_id: str | None = None
    network_interface_id: str | None = None
    transit_gateway_id: str | None = None
    vpc_endpoint_id: str | None = None
    vpc_peering_connection_id: str | None = None


class RouteTable(Resource):
    """The resource aws_route_table.

    vpc_id: needed.
    """

    TYPE = "aws_route_table"
    arn = Text()
    id = Text()
    owner_id = Text()
    vpc_id = Text()

    @checked
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        vpc_id: str,
        propagating_vgws: Sequence[str] | None = None,
        route: Sequence[RouteTableRoute] | None = None,
        tags: Mapping[str, str] | None = None,
        provider: cdk.TerraformProvider | None = None,
        depends_on: Sequence[cdk.ITerraformDependable] | None = None,
        lifecycle: cdk.TerraformResourceLifecycle | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            {
                "vpc_id": vpc_id,
                "propagating_vgws": propagating_vgws,
                "route": route,
                "tags": tags,
            },
            provider=provider,
            depends_on=depends_on,
            lifecycle=lifecycle,
        )


class RouteTableAssociation(Resource):
    """The resource aws_route_table_association.

    route_table_id: needed.
    """

    TYPE = "aws_route_table_association"
    gateway_id = Text()
    id = Text()
    route_table_id = Text()
    subnet_id = Text()

    @checked
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        route_table_id: str,
        gateway_id: str | None = None,
        subnet_id: str | None = None,
        provider: cdk.TerraformProvider | None = None,
        depends_on: Sequence[cdk.ITerraformDependable] | None = None,
        lifecycle: cdk.TerraformResourceLifecycle | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            {
                "route_table_id": route_table_id,
                "gateway_id": gateway_id,
                "subnet_id": subnet_id,
            },
            provider=provider,
            depends_on=depends_on,
            lifecycle=lifecycle,
        )


@block
class SecurityGroupEgress(Block):
    """The block egress."""

    cidr_blocks: Sequence[str] | None = None
    description: str | None = None
    from_port: float | None = None
    ipv6_cidr_blocks: Sequence[str] | None = None
    prefix_list_ids: Sequence[str] | None = None
    protocol: str | None = None
    security_groups: Sequence[str] | None = None
    self: bool | None = None
    to_port: float | None = None


@block
class SecurityGroupIngress(Block):
    """The block ingress."""

    cidr_blocks: Sequence[str] | None = None
    description: str | None = None
    from_port: float | None = None
    ipv6_cidr_blocks: Sequence[str] | None = None
    prefix_list_ids: Sequence[str] | None = None
    protocol: str | None = None
    security_groups: Sequence[str] | None = None
    self: bool | None = None
    to_port: float | None = None


class SecurityGroup(Resource):
    """The resource aws_security_group."""

    TYPE = "aws_security_group"
    arn = Text()
    description = Text()
    id = Text()
    name = Text()
    name_prefix = Text()
    owner_id = Text()
    vpc_id = Text()

    @checked
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        description: str | None = None,
        egress: Sequence[SecurityGroupEgress] | None = None,
        ingress: Sequence[SecurityGroupIngress] | None = None,
        name: str | None = None,
        name_prefix: str | None = None,
        revoke_rules_on_delete: bool | None = None,
        tags: Mapping[str, str] | None = None,
        vpc_id: str | None = None,
        provider: cdk.TerraformProvider | None = None,
        depends_on: Sequence[cdk.ITerraformDependable] | None = None,
        lifecycle: cdk.TerraformResourceLifecycle | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            {
                "description": description,
                "egress": egress,
                "ingress": ingress,
                "name": name,
                "name_prefix": name_prefix,
                "revoke_rules_on_delete": revoke_rules_on_delete,
                "tags": tags,
                "vpc_id": vpc_id,
            },
            provider=provider,
            depends_on=depends_on,
            lifecycle=lifecycle,
        )


class Subnet(Resource):
    """The resource aws_subnet.

    vpc_id: needed.
    """

    TYPE = "aws_subnet"
    arn = Text()
    availability_zone = Text()
    availability_zone_id = Text()
    cidr_block = Text()
    customer_owned_ipv4_pool = Text()
    id = Text()
    ipv6_cidr_block = Text()
    ipv6_cidr_block_association_id = Text()
    outpost_arn = Text()
    owner_id = Text()
    private_dns_hostname_type_on_launch = Text()
    vpc_id = Text()

    @checked
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        vpc_id: str,
        assign_ipv6_address_on_creation: bool | None = None,
        availability_zone: str | None = None,
        availability_zone_id: str | None = None,
        cidr_block: str | None = None,
        customer_owned_ipv4_pool: str | None = None,
        enable_dns64: bool | None = None,
        enable_lni_at_device_index: float | None = None,
        enable_resource_name_dns_a_record_on_launch: bool | None = None,
        enable_resource_name_dns_aaaa_record_on_launch: bool | None = None,
        ipv6_cidr_block: str | None = None,
        ipv6_native: bool | None = None,
        map_customer_owned_ip_on_launch: bool | None = None,
        map_public_ip_on_launch: bool | None = None,
        outpost_arn: str | None = None,
        private_dns_hostname_type_on_launch: str | None = None,
        tags: Mapping[str, str] | None = None,
        provider: cdk.TerraformProvider | None = None,
        depends_on: Sequence[cdk.ITerraformDependable] | None = None,
        lifecycle: cdk.TerraformResourceLifecycle | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            {
                "vpc_id": vpc_id,
                "assign_ipv6_address_on_creation": assign_ipv6_address_on_creation,
                "availability_zone": availability_zone,
                "availability_zone_id": availability_zone_id,
                "cidr_block": cidr_block,
                "customer_owned_ipv4_pool": customer_owned_ipv4_pool,
                "enable_dns64": enable_dns64,
                "enable_lni_at_device_index": enable_lni_at_device_index,
                "enable_resource_name_dns_a_record_on_launch": enable_resource_name_dns_a_record_on_launch,
                "enable_resource_name_dns_aaaa_record_on_launch": enable_resource_name_dns_aaaa_record_on_launch,
                "ipv6_cidr_block": ipv6_cidr_block,
                "ipv6_native": ipv6_native,
                "map_customer_owned_ip_on_launch": map_customer_owned_ip_on_launch,
                "map_public_ip_on_launch": map_public_ip_on_launch,
                "outpost_arn": outpost_arn,
                "private_dns_hostname_type_on_launch": private_dns_hostname_type_on_launch,
                "tags": tags,
            },
            provider=provider,
            depends_on=depends_on,
            lifecycle=lifecycle,
        )


class Vpc(Resource):
    """The resource aws_vpc."""

    TYPE = "aws_vpc"
    arn = Text()
    cidr_block = Text()
    default_network_acl_id = Text()
    default_route_table_id = Text()
    default_security_group_id = Text()
    dhcp_options_id = Text()
    id = Text()
    instance_tenancy = Text()
    ipv4_ipam_pool_id = Text()
    ipv6_association_id = Text()
    ipv6_cidr_block = Text()
    ipv6_cidr_block_network_border_group = Text()
    ipv6_ipam_pool_id = Text()
    main_route_table_id = Text()
    owner_id = Text()

    @checked
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        assign_generated_ipv6_cidr_block: bool | None = None,
        cidr_block: str | None = None,
        enable_dns_hostnames: bool | None = None,
        enable_dns_support: bool | None = None,
        enable_network_address_usage_metrics: bool | None = None,
        instance_tenancy: str | None = None,
        ipv4_ipam_pool_id: str | None = None,
        ipv4_netmask_length: float | None = None,
        ipv6_cidr_block: str | None = None,
        ipv6_cidr_block_network_border_group: str | None = None,
        ipv6_ipam_pool_id: str | None = None,
        ipv6_netmask_length: float | None = None,
        tags: Mapping[str, str] | None = None,
        provider: cdk.TerraformProvider | None = None,
        depends_on: Sequence[cdk.ITerraformDependable] | None = None,
        lifecycle: cdk.TerraformResourceLifecycle | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            {
                "assign_generated_ipv6_cidr_block": assign_generated_ipv6_cidr_block,
                "cidr_block": cidr_block,
                "enable_dns_hostnames": enable_dns_hostnames,
                "enable_dns_support": enable_dns_support,
                "enable_network_address_usage_metrics": enable_network_address_usage_metrics,
                "instance_tenancy": instance_tenancy,
                "ipv4_ipam_pool_id": ipv4_ipam_pool_id,
                "ipv4_netmask_length": ipv4_netmask_length,
                "ipv6_cidr_block": ipv6_cidr_block,
                "ipv6_cidr_block_network_border_group": ipv6_cidr_block_network_border_group,
                "ipv6_ipam_pool_id": ipv6_ipam_pool_id,
                "ipv6_netmask_length": ipv6_netmask_length,
                "tags": tags,
            },
            provider=provider,
            depends_on=depends_on,
            lifecycle=lifecycle,
        )


@block
class VpcPeeringConnectionAccepter(Block):
    """The block accepter."""

    allow_remote_vpc_dns_resolution: bool | None = None


@block
class VpcPeeringConnectionRequester(Block):
    """The block requester."""

    allow_remote_vpc_dns_resolution: bool | None = None


class VpcPeeringConnection(Resource):
    """The resource aws_vpc_peering_connection.

    peer_vpc_id: needed.
    vpc_id: needed.
    """

    TYPE = "aws_vpc_peering_connection"
    accept_status = Text()
    id = Text()
    peer_owner_id = Text()
    peer_region = Text()
    peer_vpc_id = Text()
    vpc_id = Text()

    @checked
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        peer_vpc_id: str,
        vpc_id: str,
        accepter: VpcPeeringConnectionAccepter | None = None,
        auto_accept: bool | None = None,
        peer_owner_id: str | None = None,
        peer_region: str | None = None,
        requester: VpcPeeringConnectionRequester | None = None,
        tags: Mapping[str, str] | None = None,
        provider: cdk.TerraformProvider | None = None,
        depends_on: Sequence[cdk.ITerraformDependable] | None = None,
        lifecycle: cdk.TerraformResourceLifecycle | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            {
                "peer_vpc_id": peer_vpc_id,
                "vpc_id": vpc_id,
                "accepter": accepter,
                "auto_accept": auto_accept,
                "peer_owner_id": peer_owner_id,
                "peer_region": peer_region,
                "requester": requester,
                "tags": tags,
            },
            provider=provider,
            depends_on=depends_on,
            lifecycle=lifecycle,
        )


@block
class VpcPeeringConnectionAccepterAccepter(Block):
    """The block accepter."""

    allow_remote_vpc_dns_resolution: bool | None = None


@block
class VpcPeeringConnectionAccepterRequester(Block):
    """The block requester."""

    allow_remote_vpc_dns_resolution: bool | None = None


class VpcPeeringConnectionAccepterA(Resource):
    """The resource aws_vpc_peering_connection_accepter.

    vpc_peering_connection_id: needed.
    """

    TYPE = "aws_vpc_peering_connection_accepter"
    accept_status = Text()
    id = Text()
    peer_owner_id = Text()
    peer_region = Text()
    peer_vpc_id = Text()
    vpc_id = Text()
    vpc_peering_connection_id = Text()

    @checked
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        vpc_peering_connection_id: str,
        accepter: VpcPeeringConnectionAccepterAccepter | None = None,
        auto_accept: bool | None = None,
        requester: VpcPeeringConnectionAccepterRequester | None = None,
        tags: Mapping[str, str] | None = None,
        provider: cdk.TerraformProvider | None = None,
        depends_on: Sequence[cdk.ITerraformDependable] | None = None,
        lifecycle: cdk.TerraformResourceLifecycle | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            {
                "vpc_peering_connection_id": vpc_peering_connection_id,
                "accepter": accepter,
                "auto_accept": auto_accept,
                "requester": requester,
                "tags": tags,
            },
            provider=provider,
            depends_on=depends_on,
            lifecycle=lifecycle,
        )


class VpcSecurityGroupEgressRule(Resource):
    """The resource aws_vpc_security_group_egress_rule.

    ip_protocol: needed.
    security_group_id: needed.
    """

    TYPE = "aws_vpc_security_group_egress_rule"
    arn = Text()
    cidr_ipv4 = Text()
    cidr_ipv6 = Text()
    description = Text()
    id = Text()
    ip_protocol = Text()
    prefix_list_id = Text()
    referenced_security_group_id = Text()
    security_group_id = Text()
    security_group_rule_id = Text()

    @checked
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        ip_protocol: str,
        security_group_id: str,
        cidr_ipv4: str | None = None,
        cidr_ipv6: str | None = None,
        description: str | None = None,
        from_port: float | None = None,
        prefix_list_id: str | None = None,
        referenced_security_group_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        to_port: float | None = None,
        provider: cdk.TerraformProvider | None = None,
        depends_on: Sequence[cdk.ITerraformDependable] | None = None,
        lifecycle: cdk.TerraformResourceLifecycle | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            {
                "ip_protocol": ip_protocol,
                "security_group_id": security_group_id,
                "cidr_ipv4": cidr_ipv4,
                "cidr_ipv6": cidr_ipv6,
                "description": description,
                "from_port": from_port,
                "prefix_list_id": prefix_list_id,
                "referenced_security_group_id": referenced_security_group_id,
                "tags": tags,
                "to_port": to_port,
            },
            provider=provider,
            depends_on=depends_on,
            lifecycle=lifecycle,
        )


class VpcSecurityGroupIngressRule(Resource):
    """The resource aws_vpc_security_group_ingress_rule.

    ip_protocol: needed.
    security_group_id: needed.
    """

    TYPE = "aws_vpc_security_group_ingress_rule"
    arn = Text()
    cidr_ipv4 = Text()
    cidr_ipv6 = Text()
    description = Text()
    id = Text()
    ip_protocol = Text()
    prefix_list_id = Text()
    referenced_security_group_id = Text()
    security_group_id = Text()
    security_group_rule_id = Text()

    @checked
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        ip_protocol: str,
        security_group_id: str,
        cidr_ipv4: str | None = None,
        cidr_ipv6: str | None = None,
        description: str | None = None,
        from_port: float | None = None,
        prefix_list_id: str | None = None,
        referenced_security_group_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        to_port: float | None = None,
        provider: cdk.TerraformProvider | None = None,
        depends_on: Sequence[cdk.ITerraformDependable] | None = None,
        lifecycle: cdk.TerraformResourceLifecycle | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            {
                "ip_protocol": ip_protocol,
                "security_group_id": security_group_id,
                "cidr_ipv4": cidr_ipv4,
                "cidr_ipv6": cidr_ipv6,
                "description": description,
                "from_port": from_port,
                "prefix_list_id": prefix_list_id,
                "referenced_security_group_id": referenced_security_group_id,
                "tags": tags,
                "to_port": to_port,
            },
            provider=provider,
            depends_on=depends_on,
            lifecycle=lifecycle,
        )


@block
class DataAwsAvailabilityZonesFilter(Block):
    """The block filter.

    name: needed.
    values: needed.
    """

    name: str
    values: Sequence[str]


class DataAwsAvailabilityZones(Data):
    """The data source aws_availability_zones."""

    TYPE = "aws_availability_zones"
    id = Text()
    names = Texts()
    state = Text()
    zone_ids = Texts()

    @checked
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        all_availability_zones: bool | None = None,
        exclude_names: Sequence[str] | None = None,
        exclude_zone_ids: Sequence[str] | None = None,
        filter: Sequence[DataAwsAvailabilityZonesFilter] | None = None,
        state: str | None = None,
        provider: cdk.TerraformProvider | None = None,
        depends_on: Sequence[cdk.ITerraformDependable] | None = None,
        lifecycle: cdk.TerraformResourceLifecycle | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            {
                "all_availability_zones": all_availability_zones,
                "exclude_names": exclude_names,
                "exclude_zone_ids": exclude_zone_ids,
                "filter": filter,
                "state": state,
            },
            provider=provider,
            depends_on=depends_on,
            lifecycle=lifecycle,
        )


@block
class DataAwsEc2InstanceTypeOfferingsFilter(Block):
    """The block filter.

    name: needed.
    values: needed.
    """

    name: str
    values: Sequence[str]


class DataAwsEc2InstanceTypeOfferings(Data):
    """The data source aws_ec2_instance_type_offerings."""

    TYPE = "aws_ec2_instance_type_offerings"
    id = Text()
    instance_types = Texts()
    location_type = Text()
    location_types = Texts()
    locations = Texts()

    @checked
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        filter: Sequence[DataAwsEc2InstanceTypeOfferingsFilter] | None = None,
        location_type: str | None = None,
        provider: cdk.TerraformProvider | None = None,
        depends_on: Sequence[cdk.ITerraformDependable] | None = None,
        lifecycle: cdk.TerraformResourceLifecycle | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            {
                "filter": filter,
                "location_type": location_type,
            },
            provider=provider,
            depends_on=depends_on,
            lifecycle=lifecycle,
        )


@block
class DataAwsRouteTableFilter(Block):
    """The block filter.

    name: needed.
    values: needed.
    """

    name: str
    values: Sequence[str]


class DataAwsRouteTable(Data):
    """The data source aws_route_table."""

    TYPE = "aws_route_table"
    arn = Text()
    gateway_id = Text()
    id = Text()
    owner_id = Text()
    route_table_id = Text()
    subnet_id = Text()
    vpc_id = Text()

    @checked
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        filter: Sequence[DataAwsRouteTableFilter] | None = None,
        gateway_id: str | None = None,
        route_table_id: str | None = None,
        subnet_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        vpc_id: str | None = None,
        provider: cdk.TerraformProvider | None = None,
        depends_on: Sequence[cdk.ITerraformDependable] | None = None,
        lifecycle: cdk.TerraformResourceLifecycle | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            {
                "filter": filter,
                "gateway_id": gateway_id,
                "route_table_id": route_table_id,
                "subnet_id": subnet_id,
                "tags": tags,
                "vpc_id": vpc_id,
            },
            provider=provider,
            depends_on=depends_on,
            lifecycle=lifecycle,
        )


class DataAwsSsmParameter(Data):
    """The data source aws_ssm_parameter.

    name: needed.
    """

    TYPE = "aws_ssm_parameter"
    arn = Text()
    id = Text()
    insecure_value = Text()
    name = Text()
    type = Text()
    value = Text()

    @checked
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        with_decryption: bool | None = None,
        provider: cdk.TerraformProvider | None = None,
        depends_on: Sequence[cdk.ITerraformDependable] | None = None,
        lifecycle: cdk.TerraformResourceLifecycle | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            {
                "name": name,
                "with_decryption": with_decryption,
            },
            provider=provider,
            depends_on=depends_on,
            lifecycle=lifecycle,
        )


@block
class DataAwsVpcFilter(Block):
    """The block filter.

    name: needed.
    values: needed.
    """

    name: str
    values: Sequence[str]


class DataAwsVpc(Data):
    """The data source aws_vpc."""

    TYPE = "aws_vpc"
    arn = Text()
    cidr_block = Text()
    dhcp_options_id = Text()
    id = Text()
    instance_tenancy = Text()
    ipv6_association_id = Text()
    ipv6_cidr_block = Text()
    main_route_table_id = Text()
    owner_id = Text()
    state = Text()

    @checked
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cidr_block: str | None = None,
        default: bool | None = None,
        dhcp_options_id: str | None = None,
        filter: Sequence[DataAwsVpcFilter] | None = None,
        state: str | None = None,
        tags: Mapping[str, str] | None = None,
        provider: cdk.TerraformProvider | None = None,
        depends_on: Sequence[cdk.ITerraformDependable] | None = None,
        lifecycle: cdk.TerraformResourceLifecycle | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            {
                "cidr_block": cidr_block,
                "default": default,
                "dhcp_options_id": dhcp_options_id,
                "filter": filter,
                "state": state,
                "tags": tags,
            },
            provider=provider,
            depends_on=depends_on,
            lifecycle=lifecycle,
        )
