"""Serve a logged model as ``mlflow models serve`` does, send requests, and write down what came back.

Run in an environment of the model's own: serve_and_ask.py MODEL_FOLDER REQUESTS.json ANSWERS.json
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import sys
import threading
import time
from pathlib import Path

model, requests, answers = sys.argv[1:]
os.environ["__pyfunc_model_path__"] = model  # noqa: SIM112 - MLflow's own name

import uvicorn  # noqa: E402 - the server's module reads the variable at once
from mlflow.pyfunc.scoring_server.app import app  # noqa: E402

server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
threading.Thread(target=server.run, daemon=True).start()
while not server.started:
    time.sleep(0.05)
port = server.servers[0].sockets[0].getsockname()[1]

told = []
for request in json.loads(Path(requests).read_text()):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("POST", "/invocations", base64.b64decode(request["body"]), request["headers"])
    response = connection.getresponse()
    told.append([response.status, response.read().decode()])
    connection.close()

import coherent_cxr  # noqa: E402 - the model has brought it

Path(answers).write_text(json.dumps({"code": coherent_cxr.__file__, "answers": told}))
