"""The one place that writes to the terminal: lines of many processes, each behind its name."""

import sys
from collections.abc import Iterable
from typing import BinaryIO

import click

_COLOURS = ("cyan", "yellow", "green", "magenta", "blue")


class Console:
    """Writes whole lines; a terminal that has gone away is not an error."""

    def __init__(self, names: Iterable[str], stream: BinaryIO | None = None) -> None:
        self._stream = stream or sys.stdout.buffer
        self._reader_has_left = False
        names = list(names)
        width = max(map(len, names))
        self._prefixes = {
            name: self._prefix(name, width, _COLOURS[number % len(_COLOURS)])
            for number, name in enumerate(names)
        }

    def _prefix(self, name: str, width: int, colour: str) -> bytes:
        text = f"{name:<{width}} | "
        return (click.style(text, fg=colour) if self._stream.isatty() else text).encode()

    def line(self, name: str, text: bytes) -> None:
        """Write one line of the process `name`."""
        self._write(self._prefixes[name] + text + b"\n")

    def block(self, text: str) -> None:
        """Write text that belongs to no process."""
        self._write(text.encode())

    def _write(self, data: bytes) -> None:
        if self._reader_has_left:
            return
        try:
            self._stream.write(data)
            self._stream.flush()
        except (BrokenPipeError, ValueError):
            # The processes go on until they are told to stop.
            self._reader_has_left = True
