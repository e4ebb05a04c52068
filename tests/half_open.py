"""A line to Redis that can go dead: what is connected is neither closed nor answered, what is new works."""

import socket
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_CHUNK = 65_536


class Line:
    """Listens on a socket of its own and passes everything on, until it is `cut`."""

    def __init__(self, directory: Path, target: Path) -> None:
        self._path = directory / "line.sock"
        self._target = target
        self._links: list[tuple[socket.socket, socket.socket]] = []
        self._age = 0
        self.url = f"unix://{self._path}?db=0"

    def __enter__(self) -> Self:
        """Start to listen."""
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self._path))
        self._listening.listen(128)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close everything."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for link in self._links:
            for end in link:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()

    def cut(self) -> None:
        """Let everything that is connected go dead without a sign."""
        self._age += 1

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(str(self._target))
            self._links.append((near, far))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, sink, self._age), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, age: int) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                if age == self._age:
                    sink.sendall(data)
            if age == self._age:
                sink.shutdown(socket.SHUT_WR)
