"""The contents of the store as a value: taken once for a scenario, put back for each of its points."""

from typing import Any

from redis import Redis

Contents = dict[bytes, tuple[int, bytes]]


def take(client: Redis) -> Contents:
    """Return every key with its time to live (0: none) and its value as Redis serialises it."""
    names: Any = sorted(client.keys("*"))
    pipeline = client.pipeline(transaction=False)
    for name in names:
        pipeline.pttl(name)
        pipeline.dump(name)
    answers = pipeline.execute()
    pairs = zip(answers[::2], answers[1::2], strict=True)
    return {name: (max(ttl, 0), value) for name, (ttl, value) in zip(names, pairs, strict=True)}


def put_back(client: Redis, contents: Contents) -> None:
    """Make the store hold `contents` and nothing else."""
    pipeline = client.pipeline(transaction=False)
    pipeline.flushdb()
    for name, (ttl, value) in contents.items():
        pipeline.restore(name, ttl, value)
    pipeline.execute()


def same(one: Contents, other: Contents) -> bool:
    """Tell whether two stores hold the same, however much longer."""
    return {name: (ttl > 0, value) for name, (ttl, value) in one.items()} == {
        name: (ttl > 0, value) for name, (ttl, value) in other.items()
    }
