"""The command line: `qstash-rq dev` and `qstash-rq user ...`; each command is thin and calls one verb."""

import click

from qstash_rq.cli.dev import dev
from qstash_rq.cli.users import token, user


@click.group()
@click.version_option(package_name="qstash-rq")
def main() -> None:
    """Run and administer a qstash-rq server."""


main.add_command(dev)
main.add_command(token)
main.add_command(user)
