"""What the terminal shows."""

import io
import os

from qstash_rq.cli.console import Console


class _Screen(io.BytesIO):
    def isatty(self) -> bool:
        return True


def test_names_are_aligned_and_plain_in_a_file() -> None:
    """Prefixes have one width; bytes of the processes are passed on as they are."""
    stream = io.BytesIO()
    console = Console(["api", "worker"], stream)
    console.line("api", b"a \xff")
    console.line("worker", b"b")
    console.block("text\n")

    assert stream.getvalue() == b"api    | a \xff\nworker | b\ntext\n"


def test_names_are_coloured_on_a_screen() -> None:
    """Each process has its colour on a terminal."""
    stream = _Screen()
    console = Console(["api", "worker"], stream)
    console.line("api", b"x")
    console.line("worker", b"x")

    assert stream.getvalue() == b"\x1b[36mapi    | \x1b[0mx\n\x1b[33mworker | \x1b[0mx\n"


def test_a_reader_that_has_left_is_no_error() -> None:
    """Lines that nobody reads any more are dropped."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    stream = os.fdopen(write_end, "wb", buffering=0)
    console = Console(["a"], stream)
    with stream:
        console.line("a", b"x")
    console.line("a", b"y")
