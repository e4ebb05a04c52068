"""The grammars of contract 3.1 and 3.2 as regular expressions, as far as one can say them."""

from typing import Final

NAME: Final = r"^[A-Za-z0-9._-]+$"
"""Names of queues, URL groups and schedules."""

_BLANKS = r"\x00-\x20\x7f-\x9f\u2028\u2029"
_USER = rf"([^{_BLANKS}@/?#\\]*@)?"
_HOST_AND_PORT = rf"[^{_BLANKS}%<>\\^`{{|}}\"/?#@]+"
_URL = rf"[Hh][Tt][Tt][Pp][Ss]?://{_USER}{_HOST_AND_PORT}([/?#][^{_BLANKS}]*)?"

URL: Final = rf"^{_URL}$"
DESTINATION: Final = rf"^({_URL}|[A-Za-z0-9._-]+)$"
"""A URL, or the name of a URL group."""

PRINTABLE: Final = r"^[^\x00-\x08\x0a-\x1f\x7f-\x9f]*$"
"""What a header can hold: UTF-8 without control characters but the tab."""

HEADER_NAME: Final = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"

_NUMBER = r"[0-9]+(\.[0-9]+)?"
_SPAN = rf"({_NUMBER}|(?=[0-9])({_NUMBER}d)?({_NUMBER}h)?({_NUMBER}m)?({_NUMBER}s)?)"
DURATION: Final = rf"^{_SPAN}$"

WHOLE: Final = "^[0-9]+$"
BOOLEAN: Final = "^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$"
METHOD: Final = "^([Gg][Ee][Tt]|[Pp][Oo][Ss][Tt]|[Pp][Uu][Tt]|[Pp][Aa][Tt][Cc][Hh]|[Dd][Ee][Ll][Ee][Tt][Ee])$"

_HIDDEN = r"[ \t]*(body|headers?(\[[!#$%&'*+.^_`|~0-9A-Za-z-]+\])?)[ \t]*"
REDACTION: Final = rf"^{_HIDDEN}(,{_HIDDEN})*$"

_LIMIT = rf"[ \t]*((parallelism|rate)[ \t]*=[ \t]*0*[1-9][0-9]{{0,14}}|period[ \t]*=[ \t]*{_SPAN})[ \t]*"
LIMITS: Final = rf"^{_LIMIT}(,{_LIMIT}){{0,2}}$"
"""The value beside a flow-control key; each name once, and not the period alone."""

ENTRY_ID: Final = "^[0-9]+-[0-9]+$"
"""Cursors, and ids of dead letters."""
