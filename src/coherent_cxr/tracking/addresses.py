"""MLflow addresses: make them absolute, find their local file, mask their passwords."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

SQLITE = "sqlite:///"
MASK = "***"
SECRET_VARIABLES = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
ADDRESS_VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_BACKEND_STORE_URI")
_SECRET_KEYS = re.compile(r"pass(word|wd)?|pwd|token|secret|(api|access)_?key|signature|sig", re.IGNORECASE)
# user:password@ of any address; a password may hold further @ signs, up to the last before the host
_CREDENTIALS = re.compile(
    r"(?P<head>\b[a-z][a-z0-9+.\-]*://)(?P<user>[^\s/:@'\"]*):(?P<secret>[^\s/'\"]+)@", re.I
)
_QUERY = re.compile(rf"(?P<key>[?&;](?:{_SECRET_KEYS.pattern})=)(?P<secret>[^&;\s'\"]+)", re.IGNORECASE)


class TrackingError(RuntimeError):
    """A tracking server or database that cannot be used; the message says why and what to do."""


def anchored(uri: str | None, project: Path) -> str | None:
    """Make a relative ``sqlite:///`` address absolute; leave every other address as it is."""
    path = sqlite_path(uri)
    return uri if path is None or path.is_absolute() else f"{SQLITE}{project / path}"


def sqlite_path(uri: str | None) -> Path | None:
    """Return the file of a ``sqlite:///`` address, or None for any other address and for one in memory."""
    name = (uri or "").partition("?")[0]
    if not name.startswith(SQLITE) or name in (SQLITE, f"{SQLITE}:memory:"):
        return None
    return Path(name.removeprefix(SQLITE))


def masked(text: str) -> str:
    """Return a text in which passwords of addresses are replaced by ``***``, and other known secrets.

    Covers ``scheme://user:password@host``, parameters such as ``?password=`` and ``&token=``, and every
    occurrence of the secrets that :func:`secrets_of` finds in this process's environment.
    """
    for secret in secrets_of(os.environ.get(name, "") for name in ADDRESS_VARIABLES):
        text = text.replace(secret, MASK)
    text = _CREDENTIALS.sub(rf"\g<head>\g<user>:{MASK}@", text)
    return _QUERY.sub(rf"\g<key>{MASK}", text)


def secrets_of(addresses: Iterable[str]) -> list[str]:
    """Return the passwords and tokens in addresses and MLflow's variables, as written and as decoded.

    Secrets shorter than four characters are left out: masking them everywhere would garble texts.
    """
    found = {os.environ.get(name, "") for name in SECRET_VARIABLES}
    for address in addresses:
        found.update(match["secret"] for match in _CREDENTIALS.finditer(address))
        found.update(match["secret"] for match in _QUERY.finditer(address))
        found.update(v for k, v in parse_qsl(urlsplit(address).query) if _SECRET_KEYS.fullmatch(k))
    found |= {unquote(secret) for secret in found}
    return sorted((secret for secret in found if len(secret) >= 4), key=len, reverse=True)
