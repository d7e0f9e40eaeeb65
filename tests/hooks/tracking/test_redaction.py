"""Names of files that a run logs move no cursor."""

import io
import logging
from types import SimpleNamespace

from coherent_cxr.hooks.tracking.redaction import RedactionHook


def test_whatever_a_run_logs_is_plain() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        for _ in "12":  # two sessions in one process
            RedactionHook().after_context_created(SimpleNamespace(config_loader={"parameters": {}}))
        logging.getLogger("anyone").warning("The file %s is odd.", "\x1b[2Ja.png")
    finally:
        root.removeHandler(handler)
    assert stream.getvalue() == "The file \\x1b[2Ja.png is odd.\n"
    assert len(handler.filters) == 1
