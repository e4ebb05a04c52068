"""A deliverer that answers as told and remembers what it was handed; it plugs in like any other."""

import asyncio
from collections.abc import Callable

from qstash_rq.delivery import Attempt
from workers.prepared import PreparedDelivery

Answer = Attempt | BaseException | asyncio.Event


class ScriptedDeliverer:
    """Answer by a function of the delivery; an event as answer means: 200 once it is set."""

    def __init__(self, answer: Callable[[PreparedDelivery], Answer]) -> None:
        self._answer = answer
        self.handed: list[PreparedDelivery] = []
        self.open = 0
        self.most_open = 0

    async def deliver(self, prepared: PreparedDelivery) -> Attempt:
        """Answer as scripted."""
        self.handed.append(prepared)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            answer = self._answer(prepared)
            if isinstance(answer, BaseException):
                raise answer
            if isinstance(answer, asyncio.Event):
                await answer.wait()
                return Attempt(status=200)
            await asyncio.sleep(0)
            return answer
        finally:
            self.open -= 1

    async def aclose(self) -> None:
        """Nothing to close."""
