"""The TCP sockets that a process listens on."""

from __future__ import annotations

import errno
import socket

WAITING = 1024
"""Connections that the system keeps until the process accepts them."""


class CannotListen(Exception):
    """The port cannot be used; the message gives the reason and the remedy."""


class PortInUse(CannotListen):
    """Another program listens on the port."""


def listen(host: str, port: int, option: str) -> socket.socket:
    """A listening socket. `option`: how another port is chosen, for the message. Raises CannotListen.

    The protocol is named, because asyncio sends small answers at once (TCP_NODELAY) only on sockets that name it. Otherwise each
    answer on a connection that is kept waits about 40 ms for an acknowledgement."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(WAITING)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(
                f"Port {port} on {host} is in use by another program. Choose another one: {option}."
            ) from None
        raise CannotListen(f"Cannot listen on {host} port {port}: {error.strerror or 'not an address here'}.") from None
    listener.setblocking(False)
    return listener
