"""The supervisor with small shell scripts in place of servers, controlled from outside by signals."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from qstash_rq.cli.keeper import next_pause_s
from tests.cli.terminal import Terminal, is_alive
from tests.waiting import wait_until

_FOREVER = "while :; do sleep 0.05; done"
_READY = "everything is ready"


def _supervise(*stages: list[dict[str, Any]]) -> Terminal:
    return Terminal([sys.executable, "-m", "tests.cli.supervised", json.dumps(stages)])


def _polite(name: str, *, goodbye: str = "bye") -> dict[str, Any]:
    return {"name": name, "sh": f"trap 'echo {goodbye}; exit 0' TERM; echo $$ is up; {_FOREVER}"}


def _pid(terminal: Terminal, line: str) -> int:
    found = next(text for text in terminal.lines if line in text)
    return int(found.split("|")[1].split()[0])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stops_when_asked(number: signal.Signals) -> None:
    """Each of the signals that ask for an end leads to status 0, everybody having said goodbye."""
    with _supervise([_polite("a")], [_polite("b")]) as terminal:
        terminal.wait_for(_READY)
        terminal.wait_for("is up", times=2)
        terminal.send(number)

        assert terminal.status() == 0
    assert terminal.output.count("bye") == 2


def test_ctrl_c_reaches_the_supervisor_alone() -> None:
    """A Ctrl-C, which a terminal sends to all of its foreground group, is not what ends the children."""
    witness = {"name": "w", "sh": f"trap 'echo interrupted' INT; trap 'exit 0' TERM; echo is up; {_FOREVER}"}
    with _supervise([witness]) as terminal:
        terminal.wait_for("is up")
        terminal.press_ctrl_c()

        assert terminal.status() == 0
    assert "interrupted" not in terminal.output


def test_stages_start_in_order_and_stop_in_reverse(tmp_path: Path) -> None:
    """A stage starts when the one before is ready, and goes only when all after it have gone."""
    ready = tmp_path / "ready"
    rise = f"echo base starts; sleep 0.2; echo base is ready; touch {ready}"
    base = {"name": "base", "ready_file": str(ready)} | {
        "sh": f"trap 'echo base ends; exit 0' TERM; {rise}; {_FOREVER}"
    }
    slow = {"name": "top", "sh": f"trap 'sleep 0.3; echo top ends; exit 0' TERM; echo top starts; {_FOREVER}"}
    with _supervise([base], [slow, _polite("other", goodbye="other ends")]) as terminal:
        terminal.wait_for("top starts")
        terminal.wait_for("is up")
        terminal.send(signal.SIGTERM)
        assert terminal.status() == 0

    order = [
        terminal.output.index(word) for word in ("base starts", "base is ready", "top starts", "top ends")
    ]
    assert order == sorted(order)
    assert terminal.lines[-1].endswith("base ends\n")


def test_every_line_bears_its_name() -> None:
    """Lines of the processes come whole, behind their names, the last one also without its newline."""
    with _supervise(
        [{"name": "a", "sh": f"printf 'one\\ntwo'; exec 1>&- 2>&-; {_FOREVER}"}, _polite("longer")]
    ) as terminal:
        terminal.wait_for("two")
        terminal.wait_for("is up")

    assert "a      | one\n" in terminal.lines
    assert "a      | two\n" in terminal.lines
    assert any(line.startswith("longer | ") for line in terminal.lines)


def test_a_process_that_dies_is_started_again() -> None:
    """A process that ends unasked is announced and started again, later each time."""
    with _supervise([{"name": "a", "sh": "echo run; exit 3"}]) as terminal:
        terminal.wait_for("run", times=3)
        terminal.send(signal.SIGTERM)
        assert terminal.status() == 0

    assert "a | ended with status 3; it starts again in 0.5 s\n" in terminal.lines
    assert "a | ended with status 3; it starts again in 1 s\n" in terminal.lines


def test_a_killed_process_leaves_nothing_behind() -> None:
    """What a process had started is killed when it dies."""
    with _supervise(
        [{"name": "a", "sh": "sleep 1000 & echo $! is the child; echo $$ is the parent; wait"}]
    ) as terminal:
        terminal.wait_for("is the parent")
        child, parent = _pid(terminal, "is the child"), _pid(terminal, "is the parent")
        os.kill(parent, signal.SIGKILL)
        terminal.wait_for("was killed by SIGKILL; it starts again in 0.5 s")

        wait_until(lambda: not is_alive(child), "the child of the killed process is gone")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"sh": "echo no; exit 7"}, "ended with status 7 before it was ready"),
        ({"command": ["/nowhere/to/be/found"]}, "cannot be started: "),
    ],
    ids=["ends", "is not there"],
)
def test_gives_up_on_what_never_was_ready(tmp_path: Path, spec: dict[str, Any], words: str) -> None:
    """A process that ends before it was ready for the first time ends everything with status 1."""
    broken = {"name": "broken", "ready_file": str(tmp_path / "never")} | spec
    with _supervise([_polite("base")], [broken], [_polite("top")]) as terminal:
        assert terminal.status() == 1

    assert words in terminal.output
    assert _READY not in terminal.output
    assert "top" not in terminal.output


def test_stops_while_starting(tmp_path: Path) -> None:
    """A stop that comes before everything is ready is a stop like any other."""
    waits = _polite("a") | {"ready_file": str(tmp_path / "never")}
    with _supervise([waits], [_polite("b")]) as terminal:
        terminal.wait_for("is up")
        terminal.send(signal.SIGINT)
        assert terminal.status() == 0

    assert "b |" not in terminal.output


_STUBBORN = {"name": "stubborn", "sh": f"trap '' TERM; echo $$ is up; {_FOREVER}"}


def test_kills_what_does_not_end_in_time() -> None:
    """A process that outlives its grace is killed, and the status tells."""
    with _supervise([_polite("base")], [_STUBBORN | {"grace_s": 0.2}]) as terminal:
        terminal.wait_for("is up", times=2)
        terminal.send(signal.SIGTERM)
        assert terminal.status() == 1

    assert "stubborn | does not end and is killed\n" in terminal.lines
    assert "base     | bye\n" in terminal.lines


def test_a_second_ctrl_c_does_not_wait() -> None:
    """Pressing Ctrl-C again kills what is waited for, not what comes after it."""
    with _supervise([_polite("base")], [_STUBBORN | {"grace_s": 1000}]) as terminal:
        terminal.wait_for("is up", times=2)
        terminal.press_ctrl_c()
        terminal.wait_for("Ctrl-C again to stop it now")
        terminal.press_ctrl_c()
        assert terminal.status() == 1

    assert "base     | bye\n" in terminal.lines


def test_one_ctrl_c_passed_on_twice_is_one() -> None:
    """A signal that arrives twice at once, from the terminal and from `make`, does not kill."""
    slow = {"name": "a", "sh": f"trap 'sleep 0.3; echo bye; exit 0' TERM; echo is up; {_FOREVER}"}
    with _supervise([slow]) as terminal:
        terminal.wait_for("is up")
        terminal.press_ctrl_c()
        terminal.send(signal.SIGTERM)
        assert terminal.status() == 0

    assert "bye" in terminal.output


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_children_die_with_a_killed_supervisor() -> None:
    """A supervisor that is killed takes its children along."""
    with _supervise([_STUBBORN], [_polite("b")]) as terminal:
        terminal.wait_for("is up", times=2)
        pid = _pid(terminal, "stubborn | ")
        terminal.send(signal.SIGKILL)
        terminal.status()

        wait_until(lambda: not is_alive(pid), "the child of the killed supervisor is gone")


@pytest.mark.parametrize(
    ("pause_s", "ran_s", "expected_s"), [(0, 0, 0.5), (0.5, 0, 1), (8, 0, 10), (10, 9, 10), (10, 11, 0.5)]
)
def test_the_pause_before_a_start_doubles(pause_s: float, ran_s: float, expected_s: float) -> None:
    """Pauses double up to ten seconds; a process that ran longer than that starts afresh."""
    assert next_pause_s(pause_s, ran_s) == expected_s
