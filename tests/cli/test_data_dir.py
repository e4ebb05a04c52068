"""One development server per directory, whatever the last one left behind."""

import fcntl
import subprocess
from pathlib import Path

import pytest

from qstash_rq.cli.data_dir import claim_data_dir
from qstash_rq.cli.start_errors import StartError


def test_makes_the_directory_for_its_owner_alone(tmp_path: Path) -> None:
    """A directory that is not there is made, closed to other users: it will hold messages."""
    with claim_data_dir(tmp_path / "a" / "b") as claimed:
        assert claimed.path.stat().st_mode & 0o777 == 0o700


def test_serves_one_at_a_time(tmp_path: Path) -> None:
    """A second claim is refused while the first lasts, and fine afterwards."""
    with (
        claim_data_dir(tmp_path),
        pytest.raises(StartError, match=r"DATA_DIR: .* in use by another"),
        claim_data_dir(tmp_path),
    ):
        pass
    with claim_data_dir(tmp_path):
        pass


def test_names_the_setting_when_the_path_is_no_directory(tmp_path: Path) -> None:
    """A path that cannot be a directory is refused with the name of the setting."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match=r"DATA_DIR: cannot use .*file"), claim_data_dir(tmp_path / "file"):
        pass


def test_ends_a_server_that_outlived_its_supervisor(tmp_path: Path) -> None:
    """A Valkey that still holds the directory is stopped before a new one may start."""
    with (tmp_path / "valkey.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        leftover = subprocess.Popen(["/bin/sleep", "1000"], pass_fds=[lock.fileno()])
    (tmp_path / "valkey.pid").write_text(f"{leftover.pid}\n")

    with claim_data_dir(tmp_path):
        assert leftover.wait(timeout=5) == -15


@pytest.mark.parametrize("content", ["", "banana", "999999999"])
def test_a_stale_pid_file_means_nothing(tmp_path: Path, content: str) -> None:
    """Without a lock nobody is there, whatever a file from an earlier run says."""
    (tmp_path / "valkey.pid").write_text(content)
    with claim_data_dir(tmp_path) as claimed:
        assert claimed.path == tmp_path
