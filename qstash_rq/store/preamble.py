"""Write what stands above every script: the key names as constants."""

from qstash_rq.store.keys import ALL


def lua_preamble() -> str:
    """Return Lua constants `K.<name>` with every key name, to stand above each script."""
    names = ", ".join(f"{word.lower()} = '{key.name}'" for word, key in ALL.items())
    return f"local K = {{{names}}}\n"
