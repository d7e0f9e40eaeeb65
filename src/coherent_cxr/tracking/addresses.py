"""MLflow addresses: make them absolute, find their local file, mask their passwords."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, quote_plus, unquote

SQLITE = "sqlite:///"
MASK = "***"
SECRET_VARIABLES = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
DATABASES = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
"""Database servers by their schemes, and the ports they listen at."""
ADDRESS_VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_BACKEND_STORE_URI")
_SECRET_KEYS = re.compile(r"pass(word|wd)?|pwd|token|secret|(api|access)_?key|signature|sig", re.IGNORECASE)
# user:password@ of any address in a text. A password may hold what ought to be written as %2F and the like,
# and ends at the last @ before a blank, a quotation mark or another address; host:5000/a@b has none.
_CREDENTIALS = re.compile(
    r"(?P<head>\b[a-z][a-z0-9+.\-]*://)(?P<user>[^\s/:@'\"]*):(?!\d{1,5}[/?#])(?P<secret>(?:(?!://)[^\s'\"])+)@",
    re.IGNORECASE,
)
# The same of an address alone, in which a password may hold anything.
_ADDRESS = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.\-]*)://(?P<user>[^/:@]*):(?P<secret>.*)@(?P<rest>.*)", re.I | re.S
)
_PORT = re.compile(r"\d{1,5}[/?#]")
_QUERY = re.compile(rf"(?P<key>[?&;](?:{_SECRET_KEYS.pattern})=)(?P<secret>[^&;\s'\"]+)", re.IGNORECASE)


class TrackingError(RuntimeError):
    """A tracking server or database that cannot be used; the message says why and what to do."""


def anchored(uri: str | None, project: Path) -> str | None:
    """Make a relative ``sqlite:///`` address absolute; leave every other address as it is."""
    path = sqlite_path(uri)
    return uri if path is None or path.is_absolute() else sqlite_address(project / path)


def sqlite_address(path: Path) -> str:
    """Return the address of a SQLite file, whatever characters its path has.

    Raises:
        TrackingError: If no address can name it.
    """
    if "%" not in str(path) and "?" not in str(path):
        return f"{SQLITE}{path}"
    if _percent_is_decoded():
        return SQLITE + str(path).replace("%", "%25").replace("?", "%3F")
    if "?" in str(path):
        raise TrackingError(
            f"The path of MLflow's database '{path}' has a question mark, which this SQLAlchemy cannot "
            "open. Rename the folder, or upgrade SQLAlchemy to 2.1."
        )
    return f"{SQLITE}{path}"


def _percent_is_decoded() -> bool:
    from sqlalchemy import make_url

    return make_url(f"{SQLITE}/%41").database == "/A"  # since SQLAlchemy 2.1


def sqlite_path(uri: str | None) -> Path | None:
    """Return the file of a ``sqlite:///`` address, or None for any other address and for one in memory."""
    name = (uri or "").partition("?")[0]
    if not name.startswith(SQLITE) or name in (SQLITE, f"{SQLITE}:memory:"):
        return None
    path = name.removeprefix(SQLITE)
    return Path(unquote(path) if "%" in path and _percent_is_decoded() else path)


def masked(text: str) -> str:
    """Return a text in which passwords of addresses are replaced by ``***``, and other known secrets.

    Covers ``scheme://user:password@host``, parameters such as ``?password=`` and ``&token=``, and every
    occurrence of the secrets that :func:`secrets_of` finds in this process's environment.
    """
    for secret in secrets_of(os.environ.get(name, "") for name in ADDRESS_VARIABLES):
        text = text.replace(secret, MASK)
    text = _CREDENTIALS.sub(rf"\g<head>\g<user>:{MASK}@", text)
    return _QUERY.sub(rf"\g<key>{MASK}", text)


class Credentials(NamedTuple):
    """User and password of an address, as they are after decoding, and the address without them.

    Attributes:
        user: May be empty.
        secret: The password.
        written: The password as it stands in the address.
        address: The rest.
    """

    user: str
    secret: str
    written: str
    address: str


def credentials_of(address: str) -> Credentials | None:
    """Return the user and password in an address, or None if it has no password.

    Args:
        address: An address alone. A database's password may hold slashes, as SQLAlchemy reads it; a number
            before a slash is a port elsewhere.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or not match["secret"]:
        return None
    scheme = match["scheme"].lower()
    if _PORT.match(match["secret"]) and scheme.partition("+")[0] not in DATABASES:
        return None
    written = match["secret"]
    return Credentials(
        unquote(match["user"]), unquote(written), written, f"{match['scheme']}://{match['rest']}"
    )


def secrets_of(addresses: Iterable[str]) -> list[str]:
    """Return the passwords and tokens in addresses and MLflow's variables, in all ways to write them.

    Secrets shorter than four characters are left out: masking them everywhere would garble texts.
    """
    found = {os.environ.get(name, "") for name in SECRET_VARIABLES}
    for address in addresses:
        credentials = credentials_of(address)
        if credentials is not None:
            found.add(credentials.written)
        found.update(match["secret"] for match in _QUERY.finditer(address))
        found.update(v for k, v in parse_qsl(address.partition("?")[2]) if _SECRET_KEYS.fullmatch(k))
    decoded = {unquote(secret) for secret in found}
    found |= decoded | {write(secret, safe="") for secret in decoded for write in (quote, quote_plus)}
    return sorted((secret for secret in found if len(secret) >= 4), key=len, reverse=True)
