"""The page in a real browser, where there is one: nothing wider than a telephone."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
# A headless window is never narrower than 500 pixels; a frame in it is as narrow as it is told.
FRAME = """<iframe id="f" style="width:{width}px;height:900px;border:0" srcdoc="{page}"></iframe>
<script>onload = () => {{
  const page = document.getElementById("f").contentDocument, edge = {width} + 0.5;
  const wide = [...page.querySelectorAll("body *")].filter(one => !one.closest(".wide") &&
    !one.closest("details") && one.getBoundingClientRect().right > edge);
  document.title = page.documentElement.scrollWidth + " " + page.querySelectorAll("svg").length;
  document.body.innerHTML = "<pre>" + wide.map(one => one.outerHTML.slice(0, 90)
    .replaceAll("<", "&lt;")).join("\\n") + "</pre>";
}}</script>"""


@pytest.mark.skipif(BROWSER is None, reason="no chromium here")
@pytest.mark.parametrize("width", [320, 360, 900])
def test_nothing_is_wider_than_the_window(usual: Path, tmp_path: Path, width: int) -> None:
    """What has to be scrolled sideways on a telephone is not read there."""
    page = (usual / "report/index.html").read_text(encoding="utf-8")
    (tmp_path / "frame.html").write_text(FRAME.format(width=width, page=html.escape(page)))
    done = subprocess.run(
        [
            *(str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"),
            *(f"--user-data-dir={tmp_path}/profile", f"file://{tmp_path}/frame.html"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    found = re.search(r"<title>(\d+) (\d+)</title>", done.stdout)
    assert found, done.stdout[-500:] + done.stderr[-500:]
    assert int(found[2]) > 30 and int(found[1]) <= width, done.stdout[-3000:]
