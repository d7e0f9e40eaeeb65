"""The served model, for served.py: serve.py MODEL_FOLDER SECONDS prints its port and serves until its end."""

from __future__ import annotations

import os
import sys
import threading
import time

os.environ["__pyfunc_model_path__"] = sys.argv[1]  # noqa: SIM112 - MLflow's own name
# a busy machine is no fault: who asks waits as long, and counts processor time
os.environ["MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT"] = sys.argv[2]

import uvicorn
from mlflow.pyfunc.scoring_server.app import app

server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
threading.Thread(target=server.run, daemon=True).start()
while not server.started:
    time.sleep(0.05)
print(server.servers[0].sockets[0].getsockname()[1], flush=True)
sys.stdin.read()
