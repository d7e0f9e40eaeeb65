"""The results page in a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)


FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--v=0",
]


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium to open the page in a real browser")
@pytest.mark.slow
def test_a_real_browser_opens_the_page_without_an_error_and_fills_the_tables(page, tmp_path: Path):
    file = tmp_path / "results_page.html"
    file.write_text(page, encoding="utf-8")
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    picture = tmp_path / "page.png"
    shown = subprocess.run(
        [
            CHROMIUM,
            *FLAGS,
            profile,
            f"--screenshot={picture}",
            "--window-size=1300,2000",
            "--dump-dom",
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    console = [line for line in shown.stderr.splitlines() if ":CONSOLE" in line]
    assert not console
    dom = shown.stdout
    for section in ("headline", "labels", "tables", "paper"):
        body = dom[dom.index(f'id="{section}"') :]
        cells = re.findall(r"<td[^>]*>(.*?)</td>", body[: body.index("</section>")], re.DOTALL)
        assert len(cells) > 20
        assert all(cell.strip() for cell in cells)
    assert "alert(" not in re.sub(r"&lt;script&gt;alert", "", dom)
