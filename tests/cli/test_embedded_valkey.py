"""How the embedded Valkey is started."""

import subprocess
import sys

import pytest

from qstash_rq.cli.embedded_valkey import valkey_command, valkey_environ


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator is Linux's")
def test_it_allocates_with_mimalloc() -> None:
    """The preloaded allocator is one that the server can be started with: it tells its own version."""
    environ = {**valkey_environ({}), "MIMALLOC_VERBOSE": "1"}
    command = [valkey_command({})[0], "--version"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)

    assert "mimalloc: process init" in done.stderr
    assert "ERROR" not in done.stderr


def test_what_the_user_preloads_stays() -> None:
    """A variable LD_PRELOAD of the user is passed on as it is, beside the rest of the environment."""
    environ = {"LD_PRELOAD": "/usr/lib/libjemalloc.so.2", "HOME": "/root"}

    assert valkey_environ(environ) == environ


def test_every_setting_can_be_replaced() -> None:
    """A setting that is given stands instead of the one every embedded server has."""
    options = valkey_command({"appendfsync": "always"})[1:]

    assert dict(zip(options[::2], options[1::2], strict=True))["--appendfsync"] == "always"
