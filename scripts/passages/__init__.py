"""What a cluster passes through where restarting its hosts in turn is not enough.

An ensemble grows by one server at a time, a release is spoken only when all brokers have it, and
metadata moves from ZooKeeper to KRaft in stages. Each passage knows the services that it is about;
operations ask the register for those of a run, and know none of them.
"""
