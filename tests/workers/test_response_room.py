"""The room for answers: who may take of it, who waits, and who is told when there is some again."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from workers.response_room import FREE_BYTES, Hold, ResponseRoom

_MOST = 1_000
_LARGEST = 700


def _hold(room: ResponseRoom, resumed: list[str], name: str = "") -> Hold:
    return room.open(lambda: resumed.append(name))


def test_an_answer_takes_room_until_there_is_none() -> None:
    """What fits to the last byte is let in; of others than the oldest nothing more is."""
    room, resumed = ResponseRoom(_MOST), list[str]()
    oldest, second = _hold(room, resumed), _hold(room, resumed)

    assert oldest.grow(600)
    assert second.grow(400)
    assert not second.grow(1)
    assert (room.held_bytes, room.waiting) == (_MOST, 1)


def test_the_oldest_goes_over_the_limit_until_it_has_ended() -> None:
    """One may always come to its end, and when it has, the next one may."""
    room, resumed = ResponseRoom(_MOST), list[str]()
    oldest, second = _hold(room, resumed), _hold(room, resumed, "second")
    assert second.grow(_MOST)

    assert oldest.grow(500)
    assert not second.grow(1)
    oldest.end()

    assert resumed == ["second"]
    assert second.grow(500)


def test_nothing_goes_over_the_limit_beside_what_waits_for_its_settle() -> None:
    """While Redis is away one answer after the other would: the first of them is over it for all."""
    room, resumed = ResponseRoom(_MOST), list[str]()
    room.keep(FREE_BYTES + 900)
    oldest = _hold(room, resumed, "oldest")

    assert not oldest.grow(101)
    room.give_back(FREE_BYTES + 900)

    assert resumed == ["oldest"]
    assert oldest.grow(_MOST + 1)


def test_small_answers_take_no_room() -> None:
    """Up to 64 KB an answer is not counted, whenever it is settled."""
    room = ResponseRoom(1)

    room.keep(FREE_BYTES)
    assert room.held_bytes == 0
    room.give_back(FREE_BYTES)
    assert room.held_bytes == 0


def test_room_that_is_given_back_goes_to_the_oldest_first() -> None:
    """Those that came first are nearest to their end; who still does not fit is left alone."""
    room, resumed = ResponseRoom(_MOST), list[str]()
    full, first, second = (_hold(room, resumed, name) for name in ("full", "first", "second"))
    kept = FREE_BYTES + 500
    room.keep(kept)
    assert full.grow(500)
    assert not second.grow(100)
    assert not first.grow(600)

    room.give_back(kept)
    assert resumed == []
    full.end()
    assert resumed == ["first", "second"]


class _Answers:
    """Some answers at any stage, told apart by number."""

    def __init__(self) -> None:
        self.room = ResponseRoom(_MOST)
        self._coming: dict[int, Hold] = {}
        self._ended: list[int] = []

    def grow(self, number: int) -> bool:
        """Let more of an answer come, if it is not at its end."""
        if number not in self._coming:
            self._coming[number] = self.room.open(lambda: None)
        hold = self._coming[number]
        return hold.held_bytes == _LARGEST or hold.grow(100)

    def end(self, number: int) -> None:
        """End an answer that has begun."""
        hold = self._coming.pop(number, None)
        if hold is not None:
            self._ended.append(FREE_BYTES + hold.held_bytes)
            self.room.keep(self._ended[-1])
            hold.end()

    def settle(self, _: int) -> None:
        """Settle the answer that ended first."""
        if self._ended:
            self.room.give_back(self._ended.pop(0))

    def finish(self) -> None:
        """Bring all to their end, oldest first."""
        while self._ended or self._coming:
            while self._ended:
                self.settle(0)
            for oldest in tuple(self._coming)[:1]:
                assert self.grow(oldest)
                self.end(oldest)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from([_Answers.grow, _Answers.end, _Answers.settle])))
)
def test_no_order_of_events_takes_more_than_the_limit_and_one_answer(
    events: list[tuple[int, Callable[[_Answers, int], object]]],
) -> None:
    """However answers come, end and are settled; and all of them can be brought to their end."""
    answers = _Answers()

    for number, event in events:
        event(answers, number)
        assert answers.room.held_bytes <= _MOST + _LARGEST
    answers.finish()

    assert answers.room.held_bytes == answers.room.waiting == 0
