"""Write what stands above every script: the key names, and what RQ wants of a job, as constants."""

from qstash_rq.store.keys import ALL
from qstash_rq.store.rq_job import lua_job_fields


def lua_preamble() -> str:
    """Return Lua constants `K.<name>` with every key name and `RQ.<field>`, to stand above each script."""
    names = ", ".join(f"{word.lower()} = '{key.name}'" for word, key in ALL.items())
    return f"local K = {{{names}}}\n{lua_job_fields()}"
