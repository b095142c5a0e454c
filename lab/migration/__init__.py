"""How a datacenter's metadata moves from ZooKeeper to KRaft, and back while that can be.

Where it stands is read from the hosts and from ZooKeeper each time, and what is to be done follows
from that alone. So a run that was cut off is nothing special: the next one finds a datacenter that
stands somewhere between, and each step leads on from wherever the hosts are.
"""
