"""Records: a message becomes the fields of a hash and comes back as it was."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_rq.delivery import Attempt
from qstash_rq.message import DEFAULT_RETRIES, Message
from qstash_rq.store.records import (
    decode_message,
    decode_response,
    encode_message,
    encode_response,
)
from qstash_rq.store.rq_job import job_timeout_s
from tests.factories import make_message

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_HEADERS = st.lists(st.tuples(_TEXT, _TEXT), max_size=4).map(tuple)
_MESSAGES = st.builds(
    Message,
    message_id=st.just("msg_1"),
    user_id=st.just("u"),
    url=_TEXT,
    created_at_ms=st.integers(0, 2**53),
    not_before_ms=st.integers(0, 2**53),
    method=_TEXT,
    headers=_HEADERS,
    body=st.binary(max_size=50),
    max_retries=st.integers(0, 1000),
    retry_delay=st.none() | _TEXT,
    timeout_ms=st.none() | st.integers(0, 10**9),
    caller_ip=st.none() | _TEXT,
    labels=st.lists(_TEXT, max_size=3).map(tuple),
    queue_name=st.none() | _TEXT,
    topic_name=st.none() | _TEXT,
    endpoint_name=st.none() | _TEXT,
    schedule_id=st.none() | _TEXT,
)
_ATTEMPTS = st.builds(
    Attempt,
    status=st.none() | st.integers(100, 599),
    headers=_HEADERS,
    body=st.binary(max_size=50),
    error=_TEXT,
)


@given(_MESSAGES)
def test_a_message_comes_back_as_it_was(message: Message) -> None:
    """Whatever its fields hold, the record gives back an equal message."""
    spec = encode_message(message).encode()

    assert decode_message(message.message_id, message.user_id, spec, message.body) == message


@given(_ATTEMPTS)
def test_a_response_comes_back_as_it_was(attempt: Attempt) -> None:
    """Status, headers and error survive; an attempt without a status has no headers to keep."""
    text = encode_response(attempt, attempt.error or "")
    expected = attempt
    if attempt.status is None:
        expected = Attempt(body=attempt.body, error=attempt.error)

    assert decode_response(text.encode(), attempt.body) == expected


def test_defaults_are_left_out() -> None:
    """A plain message costs few bytes: what has its default is not written."""
    assert set(json.loads(encode_message(make_message()))) == {"url", "created_at_ms", "not_before_ms"}


@pytest.mark.parametrize("retries", [0, 1, DEFAULT_RETRIES])
def test_zero_retries_are_no_default(retries: int) -> None:
    """A value that happens to be false is written when it is not the default."""
    spec = json.loads(encode_message(make_message(max_retries=retries)))

    assert spec.get("max_retries", DEFAULT_RETRIES) == retries
    assert ("max_retries" in spec) == (retries != DEFAULT_RETRIES)


def test_ids_user_and_body_stand_beside_the_spec() -> None:
    """The spec holds nothing that the record says elsewhere."""
    spec = json.loads(encode_message(make_message(body=b"x")))

    assert not {"message_id", "user_id", "body"} & set(spec)


def test_an_empty_response_is_an_empty_attempt() -> None:
    """A record without a response reads as an attempt that brought nothing."""
    assert decode_response(b"", b"") == Attempt()


def test_text_stays_text() -> None:
    """Letters outside ASCII are written as UTF-8, so that a record can be read."""
    assert "grün" in encode_message(make_message(labels=("grün",)))


@pytest.mark.parametrize(("timeout_ms", "seconds"), [(None, 7260), (1, 60), (30_000, 90), (7_200_000, 7260)])
def test_the_time_out_of_an_rq_job(timeout_ms: int | None, seconds: int) -> None:
    """RQ's own alarm comes after any delivery has ended."""
    assert job_timeout_s(make_message(timeout_ms=timeout_ms), max_timeout_ms=7_200_000) == seconds
