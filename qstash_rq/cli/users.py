"""`qstash-rq user ...` and `qstash-rq token`: who may call the server that REDIS_URL names."""

import click

from qstash_rq.cli.core import opened_core
from qstash_rq.users import FIRST_USER, add_user, list_users, make_token, replace_token


@click.command()
def token() -> None:
    """Make up a token, to be set as QSTASH_TOKEN; nothing is stored."""
    click.echo(make_token(FIRST_USER))


@click.group()
def user() -> None:
    """Add users, list them, replace their tokens."""


@user.command("add")
@click.argument("name")
def add(name: str) -> None:
    """Add a user and print its tokens and signing keys, this once."""
    with opened_core() as core:
        added = add_user(core, name)
    click.echo(f"QSTASH_TOKEN={added.token}")
    click.echo(f"QSTASH_READONLY_TOKEN={added.readonly_token}")
    click.echo(f"QSTASH_CURRENT_SIGNING_KEY={added.current_signing_key}")
    click.echo(f"QSTASH_NEXT_SIGNING_KEY={added.next_signing_key}")


@user.command("token")
@click.argument("name")
@click.option("--read-only", is_flag=True, help="Replace the token that may only read.")
def replace(name: str, *, read_only: bool) -> None:
    """Replace a token and print the new one, this once; the old one stops working."""
    with opened_core() as core:
        click.echo(replace_token(core, name, read_only=read_only))


@user.command("list")
def list_all() -> None:
    """List the users."""
    with opened_core() as core:
        for name in list_users(core):
            click.echo(name)
