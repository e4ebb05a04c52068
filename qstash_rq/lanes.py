"""Name the lanes: the lines in which messages wait.

A lane is an RQ queue list plus an optional gate. Its name is also the RQ queue's
name, as `rq info` prints it: `<user>` for plain publishes, `<user>:<queue>` for a
FIFO queue, `<user>:~<key>` for a flow-control key. User ids hold no colon and queue
names no `~`, so no two lanes share a name and the word a user chose comes last.
"""

import re
from dataclasses import dataclass

_USER_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# `rq worker` without names means the RQ queue "default": it stands for every lane.
EVERY_LANE = "default"


def is_user_id(text: str) -> bool:
    """Tell whether `text` can name a user: letters, digits, `_`, `-`, and not `default`."""
    return _USER_ID.fullmatch(text) is not None and text != EVERY_LANE


@dataclass(frozen=True, slots=True)
class Lane:
    """A line of one user; with neither queue nor key it is the ungated lane of plain publishes."""

    user_id: str
    queue_name: str | None = None
    flow_key: str | None = None

    @property
    def name(self) -> str:
        """The lane's name, which is the name of its RQ queue."""
        if self.flow_key is not None:
            return f"{self.user_id}:~{self.flow_key}"
        return self.user_id if self.queue_name is None else f"{self.user_id}:{self.queue_name}"


def lane_names(words: list[str], user_ids: list[str]) -> list[str]:
    """Return the lanes a worker started with `words` serves; an empty list means every lane.

    A word is a lane as `rq info` prints it, or a bare queue name, which stands for
    that queue of every user.
    """
    if EVERY_LANE in words or not words:
        return []
    names: list[str] = []
    for word in words:
        if ":" in word or word in user_ids:
            names.append(word)
        else:
            names.extend(Lane(user_id, word).name for user_id in user_ids)
    return names


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A named FIFO queue and its gate; `lag` counts its messages that are not terminal."""

    name: str
    parallelism: int
    created_at_ms: int
    updated_at_ms: int
    lag: int
    paused: bool
