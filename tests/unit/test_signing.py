"""The signature, as judged by PyJWT and by the vendor's own verifier."""

import base64
import hashlib
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qstash import Receiver
from qstash.errors import SignatureError

from qstash_rq.clock import SystemClock
from qstash_rq.settings import DEVELOPMENT_CURRENT_SIGNING_KEY as KEY
from qstash_rq.settings import DEVELOPMENT_NEXT_SIGNING_KEY as OTHER_KEY
from qstash_rq.signing import sign

_NOW_MS = 1_725_323_658_779
_URL = "https://a.io//hook/%2F?x=1&y=ä"
_EMPTY_BODY_HASH = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU="


def _claims(token: str, key: str = KEY) -> dict[str, Any]:
    required = ["iss", "sub", "iat", "exp", "nbf", "jti", "body"]
    return jwt.decode(token, key, algorithms=["HS256"], options={"verify_exp": False, "require": required})


def test_the_claims_are_those_of_the_contract() -> None:
    """The token has these claims and no other: an `aud` would make the Python verifier refuse it."""
    token = sign(key=KEY, url=_URL, body=b"", now_ms=_NOW_MS, jwt_id="jwt_1")

    assert _claims(token) == {
        "iss": "Upstash",
        "sub": _URL,
        "iat": 1_725_323_658,
        "exp": 1_725_323_958,
        "nbf": 0,
        "jti": "jwt_1",
        "body": _EMPTY_BODY_HASH,
    }


def test_the_header_is_that_of_the_contract() -> None:
    """The header names HS256 and nothing that could mislead a verifier."""
    token = sign(key=KEY, url=_URL, body=b"", now_ms=_NOW_MS, jwt_id="jwt_1")

    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}


def test_is_the_token_that_pyjwt_writes() -> None:
    """Byte for byte the same as the library's, given the same claims in the same order."""
    token = sign(key=KEY, url="https://a.io/1", body=b"", now_ms=_NOW_MS, jwt_id="jwt_1")

    assert token == jwt.encode(_claims(token), KEY, algorithm="HS256")


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@given(
    key=st.text(alphabet=st.characters(codec="ascii", categories=["L", "N"]), min_size=1),
    url=st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    body=st.binary(),
    jwt_id=st.text(alphabet=st.characters(exclude_categories=["Cs"])),
)
def test_any_value_survives(key: str, url: str, body: bytes, jwt_id: str) -> None:
    """URL, id and body hash are read back as they were, whatever is in them, quotes included."""
    claims = _claims(sign(key=key, url=url, body=body, now_ms=_NOW_MS, jwt_id=jwt_id), key)

    assert (claims["sub"], claims["jti"]) == (url, jwt_id)
    assert base64.urlsafe_b64decode(claims["body"]) == hashlib.sha256(body).digest()


def test_another_key_is_refused() -> None:
    """The signature depends on the key."""
    token = sign(key=KEY, url=_URL, body=b"", now_ms=_NOW_MS, jwt_id="jwt_1")

    with pytest.raises(jwt.InvalidSignatureError):
        _claims(token, OTHER_KEY)


@pytest.mark.parametrize("body", ["", "hello", '{"a":"ä"}'])
@pytest.mark.parametrize("keys", [(KEY, OTHER_KEY), (OTHER_KEY, KEY)])
def test_the_official_receiver_accepts(keys: tuple[str, str], body: str) -> None:
    """The vendor's verifier accepts it as current and, after a rotation, as next key."""
    now_ms = SystemClock().now_ms()
    token = sign(key=KEY, url=_URL, body=body.encode(), now_ms=now_ms, jwt_id="jwt_1")

    assert Receiver(*keys).verify(signature=token, body=body, url=_URL) is None


@pytest.mark.parametrize(
    ("age_ms", "body", "url"),
    [(0, "other", _URL), (0, "hello", "https://a.io/other"), (301_000, "hello", _URL)],
)
def test_the_official_receiver_refuses(age_ms: int, body: str, url: str) -> None:
    """Another body, another URL or more than five minutes of age are noticed."""
    now_ms = SystemClock().now_ms() - age_ms
    token = sign(key=KEY, url=_URL, body=b"hello", now_ms=now_ms, jwt_id="jwt_1")

    with pytest.raises(SignatureError):
        Receiver(KEY, OTHER_KEY).verify(signature=token, body=body, url=url)
