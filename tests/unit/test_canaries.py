"""What looks for secrets in everything the tests print finds them."""

import pytest

from tests.canaries import SECRETS, find_secrets


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_found(name: str) -> None:
    """In the middle of a word too; text without secrets has none."""
    assert find_secrets(f"Authorization=Bearer%20{SECRETS[name]}; x") == [name]
    assert find_secrets("delivery.attempted message_id=msg_1 REDACTED:0a1b") == []


def test_no_secret_is_part_of_another() -> None:
    """Each is found as itself."""
    assert all(find_secrets(secret) == [name] for name, secret in SECRETS.items())
