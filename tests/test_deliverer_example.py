"""The worked example of docs/deliverers.md: shown as it is, installed, and delivering."""

import asyncio
import re
import shutil
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from qstash_rq.core import Core, open_core
from qstash_rq.delivery import Attempt
from qstash_rq.filters import Filter
from qstash_rq.logs import list_log
from qstash_rq.message import LogState
from qstash_rq.publish import PublishRequest, publish
from qstash_rq.settings import Settings
from qstash_rq.users import FIRST_USER, ensure_first_user
from qstash_rq.waiting import open_async_store
from tests.pages import ROOT, blocks, read, tables
from workers.deliverer import Deliverers
from workers.delivery_loop import DeliveryLoop, LoopOptions
from workers.prepared import PreparedDelivery

EXAMPLE = ROOT / "docs" / "examples" / "qstash-rq-tcp"


def fields_described(page: str, heading: str) -> set[str]:
    """Give the fields in the table below a heading."""
    below = read(page).partition(f"{heading}\n")[2]
    return {row["Field"].strip("`") for row in next(tables(below))}


@pytest.mark.parametrize("value", [PreparedDelivery, Attempt])
def test_what_a_deliverer_gets_and_gives_is_described(value: type) -> None:
    """docs/deliverers.md has a row for each field of both values."""
    heading = re.search(rf"^### .*`{value.__name__}`$", read("docs/deliverers.md"), re.MULTILINE)

    assert heading
    assert {field.name for field in fields(value)} == fields_described("docs/deliverers.md", heading.group())


def test_the_worked_example_is_the_one_that_is_shown() -> None:
    """The code in docs/deliverers.md stands in the example package, word for word."""
    _, shown = blocks("docs/deliverers.md", "python")
    (entry_point,) = blocks("docs/deliverers.md", "toml")

    assert shown in (EXAMPLE / "qstash_rq_tcp" / "__init__.py").read_text(encoding="utf-8")
    assert entry_point in (EXAMPLE / "pyproject.toml").read_text(encoding="utf-8")


def install_example(site: Path) -> None:
    """Put the example package into `site` as an installer does, without a network to get a builder from."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for package in ("qstash_rq_tcp",):
        shutil.copytree(EXAMPLE / package, site / package, ignore=shutil.ignore_patterns("__pycache__"))
    info = site / f"qstash_rq_tcp-{project['version']}.dist-info"
    info.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(metadata, encoding="utf-8")
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")


async def deliver_over_tcp(core: Core, answer: bytes) -> bytes:
    """Publish to a TCP server that says `answer`, run a worker's loop, and return what the server got."""
    got = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take everything, then answer."""
        got.set_result(await reader.read())
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    request = PublishRequest(destination=f"tcp://127.0.0.1:{port}", headers=(), body=b"over tcp")
    await asyncio.to_thread(publish, core, FIRST_USER, request)
    store, deliverers = open_async_store(core.settings), Deliverers(core.settings)
    try:
        await DeliveryLoop(core, store, deliverers, LoopOptions(worker="w", concurrency=1, burst=True)).run()
    finally:
        await deliverers.aclose()
        await store.aclose()
        server.close()
    return await got


def test_the_worked_example_delivers_once_installed(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the example package installed a message to a tcp:// URL is accepted and delivered."""
    install_example(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    core = open_core(settings)
    ensure_first_user(core)

    got = asyncio.run(deliver_over_tcp(core, b"thanks"))

    assert got == b"over tcp"
    states = [record.state for record in list_log(core, FIRST_USER, Filter()).items]
    assert states == [LogState.DELIVERED, LogState.ACTIVE, LogState.CREATED]
    core.store.client.close()
