import socket

from attack import FACTS, must_fail
from honest import Layer


def connect(family, kind, address):
    with socket.socket(family, kind) as one:
        one.settimeout(1)
        one.connect(address)


must_fail("tcp", connect, socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", FACTS["port"]))
must_fail("udp", connect, socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", FACTS["port"]))
must_fail("tcp6", connect, socket.AF_INET6, socket.SOCK_STREAM, ("::1", FACTS["port"]))
must_fail("unix", connect, socket.AF_UNIX, socket.SOCK_STREAM, FACTS["socket"])
must_fail("abstract", connect, socket.AF_UNIX, socket.SOCK_STREAM, "\0" + FACTS["abstract"])
must_fail("vsock", connect, socket.AF_VSOCK, socket.SOCK_STREAM, (2, 5001))
must_fail("netlink", socket.socket, socket.AF_NETLINK, socket.SOCK_RAW, 0)
must_fail("packet", socket.socket, socket.AF_PACKET, socket.SOCK_RAW)
must_fail("pair", socket.socketpair)
must_fail("name", socket.getaddrinfo, "localhost", 80, 0, 0, 0, socket.AI_NUMERICSERV)
