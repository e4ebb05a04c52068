"""Run calls: one executor for the synchronous processes, one for asyncio.

Redis trouble of every kind (gone, loading, read-only, out of memory) becomes
StoreUnavailable, a command that was wrong StoreDefect. A script the server does not
know (it restarted empty) is sent whole. Nothing is sent twice after it may have been received.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from redis.exceptions import NoScriptError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from qstash_rq.errors import StoreDefect, StoreUnavailable
from qstash_rq.store.outages import is_outage
from qstash_rq.store.script import Call

T = TypeVar("T")


Word = str | bytes | int

# How long a call waits for replicas; more than enough for those that are well.
REPLICAS_MS = 1_000


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


class AsyncRedisPipeline(Protocol):
    """What is used of a pipeline of the asyncio client."""

    def execute_command(self, *words: Word) -> Any:  # noqa: ANN401 - itself
        """Buffer one command."""
        ...

    async def execute(self) -> list[Any]:
        """Send what is buffered and return the answers."""
        ...


class AsyncRedisClient(Protocol):
    """What is used of the asyncio client."""

    def pipeline(self, transaction: bool = True) -> AsyncRedisPipeline:  # noqa: FBT001, FBT002 - redis-py's own
        """Start buffering commands."""
        ...

    async def execute_command(self, *words: Word) -> Any:  # noqa: ANN401 - what Redis answers
        """Send one command and return the answer."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


@contextmanager
def redis_trouble() -> Generator[None]:
    """Turn any error of the Redis client into StoreUnavailable, or into StoreDefect when the fault is ours.

    The cause says more, for the log alone.
    """
    try:
        yield
    except (RedisError, OSError) as error:
        if is_outage(error):
            msg = "redis is unavailable, try again later"
            raise StoreUnavailable(msg) from error
        msg = "redis refused a command as wrong"
        raise StoreDefect(msg) from error


class Executor:
    """Run calls and plain commands on a synchronous client."""

    def __init__(self, client: RedisClient) -> None:
        self.client = client

    def run(self, call: Call[T], *, replicas: int = 0) -> T:
        """Run one call and decode its answer; raises StoreUnavailable or StoreDefect.

        With `replicas` it is unavailable, too, when fewer than those have heard of it within a second:
        the primary has it all the same.
        """
        with redis_trouble(), self._alone_in_silence():
            try:
                answer = self._exchange(call.command(whole=False), replicas)
            except NoScriptError:
                answer = self._exchange(call.command(whole=True), replicas)
        return call.decode(answer)

    def _exchange(self, words: tuple[Word, ...], replicas: int) -> Any:  # noqa: ANN401 - what Redis answers
        if not replicas:
            return self.client.execute_command(*words)
        pipeline = self.client.pipeline(transaction=False)
        pipeline.execute_command(*words)
        pipeline.execute_command("WAIT", replicas, REPLICAS_MS)
        return _stored_on(replicas, pipeline.execute())

    @contextmanager
    def _alone_in_silence(self) -> Generator[None]:
        """Close the idle connections when one is silent: all may be dead, and each would cost a time-out."""
        try:
            yield
        except RedisTimeoutError:
            self.close_idle()
            raise

    def close_idle(self) -> None:
        """Close the connections that nobody uses now; the next calls make new ones."""
        pool = _pool_of(self.client)
        if pool is not None:
            pool.disconnect(inuse_connections=False)

    def run_all(self, calls: Sequence[Call[T]]) -> list[T]:
        """Run many calls in one round trip, each on its own; raises StoreUnavailable or StoreDefect."""
        if not calls:
            return []
        # The first one teaches the server the script, should it not know it.
        answers = [self.run(calls[0])]
        with redis_trouble(), self._alone_in_silence():
            pipeline = self.client.pipeline(transaction=False)
            for call in calls[1:]:
                pipeline.execute_command(*call.command(whole=False))
            rest = pipeline.execute()
        return answers + [call.decode(one) for call, one in zip(calls[1:], rest, strict=True)]

    def command(self, *words: Word) -> Any:  # noqa: ANN401 - what Redis answers
        """Send one plain command; raises StoreUnavailable or StoreDefect."""
        with redis_trouble(), self._alone_in_silence():
            return self.client.execute_command(*words)

    def commands(self, commands: Sequence[tuple[Word, ...]]) -> list[Any]:
        """Send several commands in one round trip, not as a transaction."""
        if not commands:
            return []
        with redis_trouble(), self._alone_in_silence():
            pipeline = self.client.pipeline(transaction=False)
            for words in commands:
                pipeline.execute_command(*words)
            return pipeline.execute()


class AsyncExecutor:
    """Run calls on an asyncio client."""

    def __init__(self, client: AsyncRedisClient) -> None:
        self.client = client

    async def run(self, call: Call[T], *, replicas: int = 0) -> T:
        """Run one call as `Executor.run` does."""
        with redis_trouble():
            try:
                answer = await self._exchange(call.command(whole=False), replicas)
            except NoScriptError:
                answer = await self._exchange(call.command(whole=True), replicas)
        return call.decode(answer)

    async def command(self, *words: Word) -> Any:  # noqa: ANN401 - what Redis answers
        """Send one plain command; raises StoreUnavailable or StoreDefect."""
        with redis_trouble():
            return await self._exchange(words, 0)

    async def _exchange(self, words: tuple[Word, ...], replicas: int) -> Any:  # noqa: ANN401 - what Redis answers
        try:
            if not replicas:
                return await self.client.execute_command(*words)
            pipeline = self.client.pipeline(transaction=False)
            pipeline.execute_command(*words)
            pipeline.execute_command("WAIT", replicas, REPLICAS_MS)
            return _stored_on(replicas, await pipeline.execute())
        except RedisTimeoutError:
            pool = _pool_of(self.client)
            if pool is not None:
                await pool.disconnect(inuse_connections=False)
            raise

    async def aclose(self) -> None:
        """Close the connections."""
        await self.client.aclose()


def _stored_on(replicas: int, answers: list[Any]) -> Any:  # noqa: ANN401 - what Redis answered
    answer, reached = answers
    if reached < replicas:
        msg = f"redis has stored it on {reached} of {replicas} replicas, try again later"
        raise StoreUnavailable(msg)
    return answer


def _pool_of(client: object) -> Any:  # noqa: ANN401 - redis-py's own, for either client
    return getattr(client, "connection_pool", None)
