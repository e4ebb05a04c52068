"""Run calls: one executor for the synchronous processes, one for asyncio.

Redis trouble of every kind (gone, loading, read-only, out of memory) becomes
StoreUnavailable. A script the server does not know (it restarted empty) is sent
whole. Nothing is sent twice after it may have been received.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from redis.exceptions import NoScriptError, RedisError

from qstash_rq.errors import StoreUnavailable
from qstash_rq.store.script import Call

T = TypeVar("T")


Word = str | bytes | int


class RedisPipeline(Protocol):
    """What is used of a pipeline."""

    def execute_command(self, *words: Word) -> Any:  # noqa: ANN401 - itself
        """Buffer one command."""
        ...

    def execute(self) -> list[Any]:
        """Send what is buffered and return the answers."""
        ...


class RedisClient(Protocol):
    """What is used of the synchronous client, whose own types say little."""

    def execute_command(self, *words: Word) -> Any:  # noqa: ANN401 - what Redis answers
        """Send one command and return the answer."""
        ...

    def pipeline(self, transaction: bool = True) -> RedisPipeline:  # noqa: FBT001, FBT002 - redis-py's own
        """Start buffering commands."""
        ...


class AsyncRedisClient(Protocol):
    """What is used of the asyncio client."""

    async def execute_command(self, *words: Word) -> Any:  # noqa: ANN401 - what Redis answers
        """Send one command and return the answer."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


@contextmanager
def redis_trouble() -> Generator[None]:
    """Turn any error of the Redis client into StoreUnavailable; its cause says more, for the log alone."""
    try:
        yield
    except (RedisError, OSError) as error:
        msg = "redis is unavailable, try again later"
        raise StoreUnavailable(msg) from error


class Executor:
    """Run calls and plain commands on a synchronous client."""

    def __init__(self, client: RedisClient) -> None:
        self.client = client

    def run(self, call: Call[T]) -> T:
        """Run one call and decode its answer; raises StoreUnavailable."""
        with redis_trouble():
            try:
                answer = self.client.execute_command(*call.command(whole=False))
            except NoScriptError:
                answer = self.client.execute_command(*call.command(whole=True))
        return call.decode(answer)

    def run_all(self, calls: Sequence[Call[T]]) -> list[T]:
        """Run many calls in one round trip, each on its own; raises StoreUnavailable."""
        if not calls:
            return []
        # The first one teaches the server the script, should it not know it.
        answers = [self.run(calls[0])]
        with redis_trouble():
            pipeline = self.client.pipeline(transaction=False)
            for call in calls[1:]:
                pipeline.execute_command(*call.command(whole=False))
            rest = pipeline.execute()
        return answers + [call.decode(one) for call, one in zip(calls[1:], rest, strict=True)]

    def command(self, *words: Word) -> Any:  # noqa: ANN401 - what Redis answers
        """Send one plain command; raises StoreUnavailable."""
        with redis_trouble():
            return self.client.execute_command(*words)

    def commands(self, commands: Sequence[tuple[Word, ...]]) -> list[Any]:
        """Send several commands in one round trip, not as a transaction."""
        if not commands:
            return []
        with redis_trouble():
            pipeline = self.client.pipeline(transaction=False)
            for words in commands:
                pipeline.execute_command(*words)
            return pipeline.execute()


class AsyncExecutor:
    """Run calls on an asyncio client."""

    def __init__(self, client: AsyncRedisClient) -> None:
        self.client = client

    async def run(self, call: Call[T]) -> T:
        """Run one call and decode its answer; raises StoreUnavailable."""
        with redis_trouble():
            try:
                answer = await self.client.execute_command(*call.command(whole=False))
            except NoScriptError:
                answer = await self.client.execute_command(*call.command(whole=True))
        return call.decode(answer)

    async def command(self, *words: Word) -> Any:  # noqa: ANN401 - what Redis answers
        """Send one plain command; raises StoreUnavailable."""
        with redis_trouble():
            return await self.client.execute_command(*words)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.client.aclose()
