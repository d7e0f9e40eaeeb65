"""Text that DICOM, FHIR and XML can hold."""

from __future__ import annotations

import re

REPLACEMENT = "�"
_UNSTORABLE = re.compile("[^\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def storable(text: object) -> str:
    """Replace what no format may hold: control characters, lone surrogates and non-characters.

    Args:
        text: Anything from outside or from a model's vocabulary.

    Returns:
        The text; tabs and line ends are kept, any other such character is U+FFFD.
    """
    return _UNSTORABLE.sub(REPLACEMENT, str(text))
