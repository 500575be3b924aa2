import array
import os
import socket

from attack import must_fail
from honest import Layer


def send():
    channel = socket.socket(fileno=os.dup(3))
    rights = array.array("i", [0, 1, 2])
    channel.sendmsg([b"ARR1"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])


must_fail("sendmsg", send)
