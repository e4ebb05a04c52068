"""GET /v2/keys and POST /v2/keys/rotate (contract 2.8)."""

import pytest

from qstash_rq.settings import DEVELOPMENT_CURRENT_SIGNING_KEY, DEVELOPMENT_NEXT_SIGNING_KEY
from tests.api.serving import Caller


def test_shows_the_configured_keys(caller: Caller) -> None:
    """Configured keys are used verbatim: clients compare them with their environment."""
    assert caller.get("/v2/keys").get_json() == {
        "current": DEVELOPMENT_CURRENT_SIGNING_KEY,
        "next": DEVELOPMENT_NEXT_SIGNING_KEY,
    }


@pytest.mark.parametrize("path", ["/v2/keys/rotate", "/V2/Keys/ROTATE/"])
def test_rotates(caller: Caller, path: str) -> None:
    """The next key becomes the current one and a new next one is made up."""
    response = caller.post(path)

    rotated = response.get_json()
    assert response.status_code == 200
    assert rotated["current"] == DEVELOPMENT_NEXT_SIGNING_KEY
    assert rotated["next"].startswith("sig_")
    assert rotated["next"] not in (DEVELOPMENT_CURRENT_SIGNING_KEY, DEVELOPMENT_NEXT_SIGNING_KEY)
    assert caller.get("/v2/keys").get_json() == rotated


def test_keys_belong_to_the_user(caller: Caller, other: Caller) -> None:
    """Rotating one user's keys leaves another's alone."""
    before = other.get("/v2/keys").get_json()

    caller.post("/v2/keys/rotate")

    assert other.get("/v2/keys").get_json() == before
    assert caller.get("/v2/keys").get_json()["next"] != before["next"]
