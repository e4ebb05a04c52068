"""Finding TCP ports."""

import socket

from qstash_rq.cli.ports import LOOPBACK, any_free_port, is_free


def test_a_port_that_is_listened_on_is_not_free() -> None:
    """A taken port is seen, and another one is found."""
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert not is_free(port)
        assert is_free(any_free_port())


def test_a_port_that_was_just_left_is_free() -> None:
    """Connections of a server that has stopped, still in TIME_WAIT, do not keep its port."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        server.bind((LOOPBACK, 0))
        server.listen()
        port = server.getsockname()[1]
        with socket.create_connection((LOOPBACK, port)):
            server.accept()[0].close()  # who closes first waits

    assert is_free(port)
