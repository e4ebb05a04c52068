"""Settings: each variable, its default, its bounds, and that no secret shows."""

from dataclasses import FrozenInstanceError, fields, replace

import pytest

from qstash_rq.allowed_hosts import AllowedHosts
from qstash_rq.errors import SettingsError
from qstash_rq.settings import Settings, deliverable_schemes

_FIELDS = {field.metadata["env"]: field for field in fields(Settings)}
_NUMBERS = [env for env, field in _FIELDS.items() if type(field.default) is int]
_SECRETS = [env for env, field in _FIELDS.items() if field.metadata["secret"]]


def test_nothing_set_is_every_default() -> None:
    """An empty environment makes the declared defaults."""
    assert Settings.from_env({}) == Settings()


def test_only_declared_variables_are_read() -> None:
    """What is not a setting of ours changes nothing."""
    assert Settings.from_env({"PATH": "/bin", "QSTASH_URL": "http://a", "QSTASH_UNKNOWN": "1"}) == Settings()


@pytest.mark.parametrize("env", sorted(_FIELDS))
def test_every_variable_sets_its_own_field(env: str) -> None:
    """A value given by its variable arrives in its field, blanks around it trimmed, and in no other."""
    field = _FIELDS[env]
    samples = {
        bool: ("true", True),
        int: ("7", 7),
        AllowedHosts: ("a.b", AllowedHosts(names=frozenset({"a.b"}))),
    }
    text, expected = samples.get(type(field.default), ("some text", "some text"))

    assert Settings.from_env({env: f" {text} "}) == replace(Settings(), **{field.name: expected})


@pytest.mark.parametrize("env", _NUMBERS)
@pytest.mark.parametrize("text", ["", "x", "1.5", "-1", "1e3", "0x10", "None"])
def test_a_number_that_is_none_is_refused_by_name(env: str, text: str) -> None:
    """What does not parse, or makes no sense, stops the process with the variable's name."""
    with pytest.raises(SettingsError, match=f"{env}: "):
        Settings.from_env({env: text})


@pytest.mark.parametrize("env", _NUMBERS)
def test_zero_is_a_count_only_where_it_means_none(env: str) -> None:
    """Sizes and times begin at one; there may be no proxy, no replica, and no limit of calls or deaths."""
    none = {"QSTASH_TRUSTED_PROXIES", "QSTASH_BURST_LIMIT", "QSTASH_WAIT_REPLICAS", "QSTASH_MAX_DEATHS"}
    if env in none:
        assert getattr(Settings.from_env({env: "0"}), env.removeprefix("QSTASH_").lower()) == 0
    else:
        with pytest.raises(SettingsError, match=f"{env}: must be at least 1"):
            Settings.from_env({env: "0"})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", True),
        ("true", True),
        ("True", True),
        ("YES", True),
        ("on", True),
        ("0", False),
        ("false", False),
        ("no", False),
        ("Off", False),
        ("", False),
    ],
)
def test_yes_and_no(text: str, value: bool) -> None:
    """The usual words are understood in any case."""
    assert Settings.from_env({"QSTASH_ALLOW_PRIVATE_NETWORKS": text}).allow_private_networks is value


@pytest.mark.parametrize("text", ["2", "maybe", "t", "yes please"])
def test_neither_yes_nor_no_is_refused(text: str) -> None:
    """A guard must not be opened, or left open, by a typing error."""
    with pytest.raises(SettingsError, match="QSTASH_ALLOW_PRIVATE_NETWORKS: must be true or false"):
        Settings.from_env({"QSTASH_ALLOW_PRIVATE_NETWORKS": text})


def test_tokens_and_keys_are_secret() -> None:
    """Everything that lets somebody in or sign is marked as secret, and the URL that holds a password."""
    assert _SECRETS == [
        "REDIS_URL",
        "QSTASH_TOKEN",
        "QSTASH_READONLY_TOKEN",
        "QSTASH_CURRENT_SIGNING_KEY",
        "QSTASH_NEXT_SIGNING_KEY",
    ]


@pytest.mark.parametrize("env", _SECRETS)
def test_a_secret_never_shows(env: str) -> None:
    """Neither `repr` nor `str` of the settings tells a secret."""
    settings = Settings.from_env({env: "do-not-show"})

    assert "do-not-show" not in repr(settings)
    assert "do-not-show" not in str(settings)


def test_settings_are_not_changed_while_running() -> None:
    """A process reads its settings once."""
    with pytest.raises(FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc] # that is the test


@pytest.mark.parametrize(("log_ms", "grace_ms", "kept_ms"), [(10, 5, 10), (5, 10, 10)])
def test_records_are_kept_for_the_log_and_for_the_grace(log_ms: int, grace_ms: int, kept_ms: int) -> None:
    """The longer of the two decides."""
    assert Settings(log_retention_ms=log_ms, grace_ms=grace_ms).record_retention_ms == kept_ms


def test_every_setting_says_what_it_means() -> None:
    """Each has its own variable and a sentence."""
    assert len(_FIELDS) == len(fields(Settings))
    assert all(field.metadata["doc"].endswith(".") for field in _FIELDS.values())


def test_http_and_https_can_always_be_delivered() -> None:
    """Installed plug-ins add schemes and take none away."""
    assert {"http", "https"} <= deliverable_schemes()
