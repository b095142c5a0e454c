"""The plan's words for what changes on hosts: what is equal once, with the hosts it concerns."""

from __future__ import annotations

from lab.file import parse
from lab.state import Block, Change, File, Key, Unit
from lab.topology import build
from scripts.hosts.converge import HostPlan
from scripts.operations.described import describe_host, describe_hosts

HOSTS = build(parse({"owner": "ann", "datacenters": [
    {"name": "dc1", "cidr": "10.1.0.0/24", "control": 0, "zookeeper": 3, "kafka": 3},
]}).lab).hosts
NAMES = Key("block", "/etc/hosts")
SETTINGS = Key("file", "/etc/kafka/server.properties")
RESTART = Change(Key("unit", "kafka.service"), Unit("old"), Unit("new"))
SERVERS = ",".join(f"ann-dc1-kafka0{number}.lab.internal:9092" for number in (1, 2, 3))


def grown(*lines: str) -> Change:
    return Change(NAMES, Block("".join(f"{line}\n" for line in lines)),
                  Block("".join(f"{line}\n" for line in (*lines, "10.1.0.34 new"))))


def test_what_all_hosts_need_stands_once_and_the_rest_under_each() -> None:
    plans = [HostPlan(host, (grown("10.1.0.31 a"),)) for host in HOSTS]
    plans[-1] = HostPlan(HOSTS[-1], (*plans[-1].changes, RESTART))
    assert list(describe_hosts(plans)) == [
        "~ 6 hosts: ann-dc1-zk01, ann-dc1-zk02, ann-dc1-zk03, ann-dc1-kafka01, ann-dc1-kafka02,",
        "  ann-dc1-kafka03",
        "    --- /etc/hosts (on the host)", "    +++ /etc/hosts (wanted)", "    @@ -1 +1,2 @@",
        "     10.1.0.31 a", "    +10.1.0.34 new",
        "~ host ann-dc1-kafka03", "    restart kafka.service",
    ]


def test_what_stands_around_a_change_makes_no_difference() -> None:
    plans = [HostPlan(host, (grown(f"10.1.0.31 {host.name}"),)) for host in HOSTS[:2]]
    assert list(describe_hosts(plans)) == [
        "~ 2 hosts: ann-dc1-zk01, ann-dc1-zk02",
        "    --- /etc/hosts (on the host)", "    +++ /etc/hosts (wanted)", "    @@",
        "    +10.1.0.34 new",
    ]
    assert "     10.1.0.31 ann-dc1-zk02" in list(describe_host(plans[1]))


def test_changes_that_differ_stand_apart() -> None:
    plans = [
        HostPlan(host, (Change(SETTINGS, File("a=1\n"), File(f"a=1\nbroker.id={host.number}\n")),
                        RESTART))
        for host in HOSTS[3:5]
    ]
    said = list(describe_hosts(plans))
    assert [line for line in said if line.startswith("~")] == [
        "~ host ann-dc1-kafka01", "~ 2 hosts: ann-dc1-kafka01, ann-dc1-kafka02",
        "~ host ann-dc1-kafka02",
    ]
    assert said.count("    restart kafka.service") == 1
    assert "    +broker.id=1" in said and "    +broker.id=2" in said


def test_of_a_long_value_the_part_that_changed() -> None:
    change = Change(
        SETTINGS, File(f"a=1\nbootstrap.servers={SERVERS}\nz=1\n"),
        File(f"a=2\nbootstrap.servers={SERVERS},new:9092\nz=1\n"),
    )
    assert list(describe_host(HostPlan(HOSTS[0], (change,)))) == [
        "~ host ann-dc1-zk01",
        "    --- /etc/kafka/server.properties (on the host)",
        "    +++ /etc/kafka/server.properties (wanted)", "    @@ -1,3 +1,3 @@",
        "    -a=1", "    +a=2", "    ~bootstrap.servers: +new:9092", "     z=1",
    ]
    twice = Change(
        SETTINGS, File(f"a={SERVERS}\na={SERVERS}1\n"), File(f"a={SERVERS}2\na={SERVERS}3\n")
    )
    said = list(describe_host(HostPlan(HOSTS[0], (twice,))))
    assert sum(line.startswith("    +a=") for line in said) == 2
