"""The pages a stranger reads, held to the code: what is not tested drifts."""

import re
import tomllib
from dataclasses import fields, replace
from pathlib import Path
from urllib.parse import unquote

import pytest
from rq.defaults import RQ_KEY_PREFIX

from qstash_rq.core import Core
from qstash_rq.flow_control import pause_flow, pin_flow
from qstash_rq.lanes import Lane
from qstash_rq.message import TERMINAL_STATES, LogState, State
from qstash_rq.messages import cancel_message
from qstash_rq.publish import PublishRequest, publish, schedule
from qstash_rq.reason import ReasonKind
from qstash_rq.settings import Settings
from qstash_rq.store import keys
from qstash_rq.ticking import tick_due
from qstash_rq.upkeep import promote_due, recover_lost
from qstash_rq.users import FIRST_USER
from tests.api.serving import NOT_FOUND, claim, deliver
from tests.clock import FakeClock
from tests.pages import PAGES, ROOT, anchors, read, rows, ticked

LUA = ROOT / "qstash_rq" / "store" / "lua"
# What a name in backticks begins with when it is the name of something in this tree.
TOPS = {
    *("api", "benchmarks", "docs", "qstash_rq", "tests", "workers"),
    *(".ci", ".env.example", "Makefile", "Procfile"),
}

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def shown_default(value: object) -> str:
    """Give a default as it stands in an environment."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_every_setting_is_described_with_its_default() -> None:
    """docs/settings.md has a row for each setting, and no other, with the default of the code."""
    described = {
        row["Variable"].strip("`"): row["Default"].strip("`").replace("empty", "")
        for row in rows("docs/settings.md", "Variable", "Default", "Unit")
    }
    expected = {setting.metadata["env"]: shown_default(setting.default) for setting in fields(Settings)}

    assert expected == described


def test_the_example_environment_has_every_setting_with_its_default() -> None:
    """.env.example names each setting below its meaning, with its default, commented out or not."""
    blocks = re.findall(r"^# (.+)\n#?([A-Z_]+)=(.*)$", read(".env.example"), re.MULTILINE)
    shown = {name: (meaning, value) for meaning, name, value in blocks}
    expected = {
        setting.metadata["env"]: (setting.metadata["doc"], shown_default(setting.default))
        for setting in fields(Settings)
    }

    assert expected == {name: shown[name] for name in shown if name in expected}
    assert shown.keys() - expected.keys() == {"RQ_KEY_PREFIX", "WEB_CONCURRENCY"}


def test_every_key_is_described() -> None:
    """docs/redis.md has a row for each key, and no other, with its name, type and lifetime."""
    described = {
        row["Constant"].strip("`"): (row["Key"].strip("`"), row["Type"], row["Lifetime"])
        for row in rows("docs/redis.md", "Key", "Type", "Constant", "Lifetime")
    }
    expected = {
        word: (key.name.replace(RQ_KEY_PREFIX, "rq") + (f"<{key.of}>" if key.of else ""), key.type, key.life)
        for word, key in keys.ALL.items()
    }

    assert expected == described


def test_every_field_of_a_record_is_described(core: Core, clock: FakeClock) -> None:
    """docs/redis.md has a row for each field that a record gets in its life, and no other."""
    found: set[str] = set()

    def look() -> None:
        for key in core.store.command("KEYS", keys.JOB("*").replace("{", "\\{")):
            found.update(name.decode() for name in core.store.command("HGETALL", key.decode()))

    headers = (
        ("Upstash-Retries", "1"),
        ("Upstash-Callback", "http://127.0.0.1/b"),
        ("Upstash-Flow-Control-Key", "key"),
        ("Upstash-Flow-Control-Value", "parallelism=1"),
        ("Upstash-Queue-Name", "queue"),
    )
    request = PublishRequest(destination="http://127.0.0.1/a", headers=headers, body=b"body")
    publish(core, FIRST_USER, request)
    deliver(core, NOT_FOUND)
    clock.advance(86_400_000)
    promote_due(core)
    deliver(core, NOT_FOUND)
    look()
    (in_flight,) = publish(core, FIRST_USER, replace(request, headers=())).receipts
    schedule(core, FIRST_USER, replace(request, headers=(("Upstash-Cron", "* * * * *"),)))
    clock.advance(60_000)
    tick_due(core)
    claim(core)
    cancel_message(core, FIRST_USER, in_flight.message_id)
    look()
    for _ in range(2):
        clock.advance(core.settings.lease_ms + 1)
        recover_lost(core)
        claim(core)
    look()

    assert found == {name for row in rows("docs/redis.md", "Field") for name in ticked(row["Field"])} - {
        *("m", "s", "n", "d", "b")
    }


def test_every_part_of_a_flow_and_of_a_schedule_is_described(core: Core, clock: FakeClock) -> None:
    """docs/redis.md has a row for each field of the gate of a key and of a schedule, and no other."""
    headers = (
        ("Upstash-Flow-Control-Key", "key"),
        ("Upstash-Flow-Control-Value", "rate=1"),
        ("Upstash-Cron", "* * * * *"),
    )
    schedule_id = schedule(
        core, FIRST_USER, PublishRequest(destination="http://127.0.0.1/a", headers=headers, body=b"body")
    )
    clock.advance(60_000)
    tick_due(core)
    claim(core)
    pause_flow(core, FIRST_USER, "key", caller_ip="192.0.2.1")
    pin_flow(core, FIRST_USER, "key", parallelism=1, rate=1)
    gate, member = Lane(FIRST_USER, flow_key="key").name, f"{FIRST_USER}:{schedule_id}"
    found = [
        *core.store.command("HKEYS", keys.FLOW(gate)),
        *core.store.command("HKEYS", keys.SCHEDULE(member)),
    ]

    assert {name.decode() for name in found} == {
        name for row in rows("docs/redis.md", "Part") for name in ticked(row["Part"])
    }


def test_every_kind_of_reason_is_described() -> None:
    """docs/explain.md has a row for each thing that a message can wait for, and no other."""
    described = [row["Kind"].strip("`") for row in rows("docs/explain.md", "Kind", "What helps")]

    assert sorted(described) == sorted(ReasonKind)


def test_every_state_is_described() -> None:
    """docs/message-life.md has a row for each state, which says whether it is the last one."""
    described = {
        row["State"].strip("`"): row["Terminal"] == "yes"
        for row in rows("docs/message-life.md", "State", "Terminal")
    }

    assert {state.value: state in TERMINAL_STATES for state in State} == described


def test_the_state_diagram_knows_the_states() -> None:
    """The arrows of the diagram join states, and every state is reached and left."""
    arrows = re.findall(r"^ +(\S+) --> (\S+): ", read("docs/message-life.md"), re.MULTILINE)

    assert {source for source, _ in arrows} == {*State, "[*]"}
    assert {target for _, target in arrows} == {*State, "[*]"}


def test_every_script_and_log_state_is_in_the_life_of_a_message() -> None:
    """docs/message-life.md names each script, each part of one, and each log state."""
    words = set(ticked(read("docs/message-life.md")))

    assert {script.name for script in LUA.rglob("*.lua")} <= words
    assert {state.value for state in LogState} <= words


@every_page
def test_paths_in_pages_exist(page: Path) -> None:
    """Every file and folder a page names in backticks is there."""
    names = [
        word
        for word in ticked(page.read_text(encoding="utf-8"))
        if re.fullmatch(r"[\w./-]+", word)
        and (word.partition("/")[0] in TOPS or re.search(r"\.(py|lua|md|toml)$", word))
    ]
    missing = [name for name in names if not (ROOT / name).exists() and not list(LUA.rglob(name))]

    assert missing == []


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file and, where it has one, a heading in it."""
    broken = []
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        name, _, anchor = unquote(link).partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


def test_every_dependency_has_its_reason() -> None:
    """ADR 0013 has a row for each dependency, at run time and for development, and no other."""
    project = tomllib.loads(read("pyproject.toml"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    described = [row["Package"].strip("`") for row in rows("docs/adr/0013-dependencies.md", "Package", "Why")]

    assert [re.split(r"[\[<>=]", line)[0] for line in wanted] == described


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/adr/*.md")), ids=lambda page: page.name)
def test_every_decision_has_the_four_parts(page: Path) -> None:
    """A page of docs/adr is numbered and says context, decision, price and how to undo."""
    text = page.read_text(encoding="utf-8")

    assert text.startswith(f"# {page.name[:4]}: ")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Price", "How to undo"]
