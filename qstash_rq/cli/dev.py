"""`qstash-rq dev`: the whole server in one terminal."""

import sys
from pathlib import Path

import click

from qstash_rq.cli.development import run_development
from qstash_rq.cli.start_errors import StartError


@click.command()
@click.option(
    "--port", envvar="PORT", type=click.IntRange(1, 65535), default=8080, show_default=True, show_envvar=True
)
@click.option(
    "--data-dir",
    envvar="DATA_DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=".qstash",
    show_default=True,
    show_envvar=True,
    help="Where the embedded Valkey keeps its data.",
)
def dev(port: int, data_dir: Path) -> None:
    """Run Valkey, the API, a worker and the scheduler with the public development keys.

    For development only: the token is a public constant, and deliveries to private networks are allowed.
    """
    try:
        status = run_development(port=port, data_dir=data_dir.absolute())
    except StartError as error:
        raise click.ClickException(str(error)) from error
    sys.exit(status)
