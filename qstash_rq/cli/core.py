"""What commands that speak to a running server begin with: a core, and errors as one line."""

from collections.abc import Generator
from contextlib import contextmanager

import click

from qstash_rq.core import Core, open_core
from qstash_rq.errors import QStashError, SettingsError
from qstash_rq.settings import Settings


@contextmanager
def opened_core() -> Generator[Core]:
    """Give a core on the server that REDIS_URL names; what goes wrong ends the command with its text."""
    try:
        yield open_core(Settings.from_env())
    except (QStashError, SettingsError) as error:
        raise click.ClickException(str(error)) from error
