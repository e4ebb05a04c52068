"""Ending tasks for certain."""

import asyncio

from workers.ending import end_tasks


async def deaf(cancellations: int) -> None:
    """Forget so many cancellations, as `asyncio.wait_for` of Python 3.11 may."""
    for _ in range(cancellations):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue
    await asyncio.Event().wait()


async def failing() -> None:
    """Fail at once."""
    msg = "wrong"
    raise ValueError(msg)


def test_a_task_that_forgets_its_cancellation_ends_all_the_same() -> None:
    """Tasks are cancelled until they have ended; one that failed meanwhile is none of ours to report."""

    async def go() -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(work) for work in (deaf(0), deaf(1), deaf(3), failing())]
        await asyncio.sleep(0)
        await end_tasks(tasks)
        return tasks

    tasks = asyncio.run(asyncio.wait_for(go(), 10))

    assert [task.cancelled() for task in tasks] == [True, True, True, False]


def test_ends_nothing_where_there_is_nothing() -> None:
    """No tasks are no error."""
    asyncio.run(end_tasks([]))
