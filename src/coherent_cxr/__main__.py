"""``python -m coherent_cxr``: ``kedro run`` of the installed package, in any folder."""

from __future__ import annotations

import sys

from kedro.framework.project import configure_project

from coherent_cxr.cli import cli


def main() -> None:
    """Run the pipelines that the command line names."""
    configure_project(__package__)
    cli(["run", *sys.argv[1:]])


if __name__ == "__main__":
    main()
