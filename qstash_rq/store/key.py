"""What is known about a key in Redis: its name, its type and how long it lives."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key, or a family of keys when `of` says what follows its prefix."""

    name: str
    type: str
    of: str = ""
    life: str
    doc: str

    def __call__(self, word: str = "") -> str:
        """Return the key of `word`; a key that is no family takes none."""
        return self.name + word
