"""`qstash-rq explain <message id>`: why a message of the server that REDIS_URL names is not delivered."""

import click

from qstash_rq.cli.core import opened_core
from qstash_rq.explaining import explain_message
from qstash_rq.users import FIRST_USER


@click.command()
@click.argument("message_id")
@click.option("--user", "user_id", default=FIRST_USER, show_default=True, help="Whose message it is.")
def explain(message_id: str, user_id: str) -> None:
    """Say what a message waits for, or how it ended."""
    with opened_core() as core:
        explanation = explain_message(core, user_id, message_id)
    click.echo(explanation.summary)
    for reason in explanation.waits_for:
        click.echo(f"  {reason.kind}: {reason.text}")
