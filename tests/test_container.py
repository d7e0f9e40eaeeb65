"""The steps of the Containerfile make a service that needs no network, no root and no file to write to."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

import pytest

from helpers.container import build, can_enter, make_context, steps_of
from helpers.phantom_files import PHANTOM, png
from helpers.tiny_bundle import make_bundle

REPOSITORY = Path(__file__).resolve().parents[1]
TOKEN = "a-token-of-22-letters!"
INSIDE = f"""
import json, os, pathlib, subprocess, sys, time, urllib.error, urllib.request
service, healthy, image = json.loads(sys.argv[1])
process = subprocess.Popen(service, stdout=sys.stderr)
while subprocess.run(healthy, stderr=subprocess.DEVNULL).returncode:
    assert process.poll() is None, process.returncode
    time.sleep(1)
before = os.listdir("/tmp")
kept = []
for place in ("/", "/tmp", "/opt/coherent-cxr", "/model", "/dev", "/etc"):
    try:
        file = pathlib.Path(place, "written")
        file.write_text("")
        file.unlink()
        kept.append(place)
    except OSError:
        pass
body = json.dumps({{"images": [image]}}).encode()
head = {{"Authorization": "Bearer {TOKEN}", "Content-Type": "application/json"}}
asked = urllib.request.Request("http://127.0.0.1:8000/v1/reports", body, head)
told = json.load(urllib.request.urlopen(asked))
page = urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:8000/", headers=head)).status
try:
    urllib.request.urlopen("http://127.0.0.1:8000/version")
except urllib.error.HTTPError as error:
    refused = error.code
left = sorted(set(os.listdir("/tmp")) - set(before))
process.terminate()
import coherent_cxr
print(json.dumps([told, page, refused, kept, left, process.wait(), coherent_cxr.__file__, os.getuid()]))
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not can_enter(),
    reason="needs root, mount namespaces and a Python of that name to take a container's steps",
)
def test_its_service_runs_offline_without_root_on_a_read_only_file_system(tmp_path: Path) -> None:
    model = tmp_path / "model"
    make_bundle().save(model)
    for place in (model, *model.iterdir()):
        place.chmod(0o755)
    context = make_context(REPOSITORY, tmp_path / "context")
    image = build(steps_of((REPOSITORY / "Containerfile").read_text()), context, tmp_path)
    service = [*image.lists["ENTRYPOINT"], *image.lists["CMD"]]
    asked = [service, image.lists["HEALTHCHECK"], b64encode(png(PHANTOM)).decode()]
    command = ["python", "-c", INSIDE, json.dumps(asked)]
    said = image.run(command, {"COHERENT_CXR_TOKEN": TOKEN}, read_only=True, model=model)
    told, page, refused, kept, left, code, ours, user = json.loads(said)
    assert told["report"]
    assert "not for clinical use" in told["notice"]
    assert (page, refused, kept, left, code) == (200, 401, ["/tmp"], [], 0)
    assert ours.startswith("/opt/coherent-cxr/")
    assert user == 10001
