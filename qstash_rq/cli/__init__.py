"""The command line, `qstash-rq <command>`; each command is thin and calls one verb."""

import click

from qstash_rq.cli.dev import dev
from qstash_rq.cli.explain import explain
from qstash_rq.cli.users import token, user


@click.group()
@click.version_option(package_name="qstash-rq")
def main() -> None:
    """Run and administer a qstash-rq server."""


main.add_command(dev)
main.add_command(explain)
main.add_command(token)
main.add_command(user)
