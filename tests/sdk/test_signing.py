"""The official verifier accepts what arrives, also while keys are rotated.

Proves signatures with the code that endpoints really run; every claim by itself is proved in tests/unit.
"""

import pytest
from qstash import QStash
from qstash import Receiver as Verifier
from qstash.errors import SignatureError

from tests.receiver import Receiver, Request
from tests.running import User


def _verify(verifier: Verifier, request: Request, url: str | None = None) -> None:
    signature = request.header("upstash-signature")
    assert signature is not None
    verifier.verify(signature=signature, body=request.body.decode(), url=url)


@pytest.mark.parametrize("body", ["", "žluť", '{"a": 1}'], ids=["empty", "utf8", "json"])
@pytest.mark.parametrize("target", ["", "/", "/a//b%20c?x=%2F"], ids=["no-path", "root", "odd"])
def test_a_delivery_verifies(client: QStash, user: User, receiver: Receiver, target: str, body: str) -> None:
    """With and without the URL, which is the one that was published."""
    client.message.publish(url=receiver.url(target), body=body)
    verifier = Verifier(user.current_key, user.next_key)

    (request,) = receiver.wait_for(1)
    _verify(verifier, request)
    _verify(verifier, request, receiver.url(target))


def test_a_forgery_does_not(client: QStash, user: User, receiver: Receiver) -> None:
    """Another body, another URL or another user's keys are refused."""
    client.message.publish(url=receiver.url("/"), body="true")
    (request,) = receiver.wait_for(1)
    # The verifier raises what its second key says.
    verifier = Verifier(user.next_key, user.current_key)
    signature = request.header("upstash-signature") or ""

    with pytest.raises(SignatureError, match="body hash"):
        verifier.verify(signature=signature, body="false")
    with pytest.raises(SignatureError, match="subject"):
        verifier.verify(signature=signature, body="true", url=receiver.url("/other"))
    with pytest.raises(SignatureError):
        Verifier("sig_x", "sig_y").verify(signature=signature, body="true")


def test_the_keys_of_a_user_are_read(client: QStash, user: User) -> None:
    """The client reads the keys the user was given."""
    keys = client.signing_key.get()

    assert (keys.current, keys.next) == (user.current_key, user.next_key)


def test_rotation(client: QStash, user: User, receiver: Receiver) -> None:
    """The next key becomes the current one; endpoints that still have the old pair go on verifying."""
    rotated = client.signing_key.rotate()
    assert rotated.current == user.next_key
    assert rotated.next not in (user.current_key, user.next_key)
    assert client.signing_key.get() == rotated

    client.message.publish(url=receiver.url("/"), body="x")
    (request,) = receiver.wait_for(1)
    _verify(Verifier(user.current_key, user.next_key), request, receiver.url("/"))
    _verify(Verifier(rotated.current, rotated.next), request, receiver.url("/"))

    client.signing_key.rotate()
    client.message.publish(url=receiver.url("/"), body="y")
    with pytest.raises(SignatureError):
        _verify(Verifier(user.current_key, user.next_key), receiver.wait_for(2)[1])
