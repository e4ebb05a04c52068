"""Scripts are read at the start: later the process may not be able to open a file."""

import os

from qstash_rq.store.script import load_every_script, load_script
from tests.open_files import no_more_files


def test_no_script_is_read_later() -> None:
    """Once all are loaded each is there without a file being opened."""
    load_script.cache_clear()
    load_every_script()

    with no_more_files([os.getpid()]):
        assert load_script("settle").text
        assert load_script("recover").text
