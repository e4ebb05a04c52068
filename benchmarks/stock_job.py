"""The job that stock RQ workers run: post a body with `requests`, over one Session per process."""

import requests

_session = requests.Session()


def post(url: str, headers: dict[str, str], body: bytes) -> int:
    """Post `body` and return the status."""
    response = _session.post(url, data=body, headers=headers, timeout=30)
    response.raise_for_status()
    return response.status_code
