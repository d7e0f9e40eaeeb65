"""Text for terminals and logs, without control sequences."""

from __future__ import annotations

import logging
import sys

from coherent_cxr.inputs.names import printable


def plain(text: str) -> str:
    r"""Return a text whose lines hold printable characters only; others become escapes such as ``\x1b``."""
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    lines = (
        "\t".join(printable(cell, sys.maxsize) for cell in line.split("\t")) for line in text.split("\n")
    )
    return "\n".join(lines)


class PlainFilter(logging.Filter):
    """Makes the message of every log record :func:`plain`; names of files may hold escape sequences."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, made plain."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # a message that does not fit its arguments; logging will say so
            return True
        if plain(message) != message:
            record.msg, record.args = plain(message), ()
        if (
            record.exc_info
            and record.exc_info[1]
            and plain(str(record.exc_info[1])) != str(record.exc_info[1])
        ):
            shown = logging.Formatter().formatException(record.exc_info)
            record.exc_info, record.exc_text = None, plain(shown)
        return True
