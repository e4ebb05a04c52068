"""Why `qstash-rq dev` cannot start."""


class StartError(Exception):
    """A port or a directory is not to be had; the text says what to change."""
