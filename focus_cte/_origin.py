"""Where the token may go: one origin, by https or to this machine."""

from __future__ import annotations

import ipaddress

from yarl import URL

from focus_cte.errors import InvalidArgument


def parse_base_url(text: str) -> URL:
    """A base URL that the token may be sent to: https, or http to a loopback address.

    Raises `InvalidArgument`, without the URL where it may hold a secret.
    """
    try:
        url = URL(text)
        port = url.port
    except (ValueError, TypeError):
        url, port = URL(), None
    if url.user is not None or url.password is not None or url.query_string or url.fragment:
        raise InvalidArgument("base_url must have no user, password, query or fragment")
    if not url.host or port is None:
        raise InvalidArgument(f"base_url {text!r} is not an absolute URL such as https://host")
    if not is_safe(url, loopback_too=True):
        raise InvalidArgument(
            f"base_url {text!r} is neither https nor http to a loopback address:"
            " the token would travel in clear"
        )
    return url.with_path(url.path.rstrip("/"))


def is_safe(url: URL, *, loopback_too: bool) -> bool:
    """Whether a request may go there: https, or http within this machine when that is wanted."""
    return url.scheme == "https" or (loopback_too and url.scheme == "http" and is_loopback(url))


def is_loopback(url: URL) -> bool:
    """Whether the host is this machine: "localhost" or a loopback address."""
    host = url.host or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
