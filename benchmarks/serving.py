"""The service under load: `coherent-cxr serve` in a process of its own, clients in threads of this one.

    python benchmarks/serving.py --model models:/coherent-cxr@champion --image IMAGE

Run it in the project whose registry holds the model, or give the folder of a bundle. Printed are

- latency (median and 99th percentile) and throughput at 1, 8 and 32 clients, bounded by ``--seconds`` each;
- one image from request to report beside the bare encoder and decoder: the same model on the same prepared
  image in this process, in turn with the requests, so that both have the machine's load of that moment;
- memory of the service and of its decoders at the beginning, and after ``--requests`` in all.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

from coherent_cxr.cli.project import find_project, open_tracking
from coherent_cxr.inference.attention import attended_reports, image_features
from coherent_cxr.serving.image import prepared
from coherent_cxr.serving.study.generation import StudyGenerator
from coherent_cxr.serving.study.opening import CHAMPION, open_model

CLIENTS = (1, 8, 32)
BOUNDARY = "b0undary"
COMMAND = ("-c", "from coherent_cxr.cli import main; main()")


class Load(NamedTuple):
    """What clients saw."""

    clients: int
    seconds: float
    latencies: list[float]
    refused: int

    def row(self) -> str:
        """Return a row of the table."""
        median, last = np.percentile(self.latencies, [50, 99]) if self.latencies else (np.nan, np.nan)
        rate = len(self.latencies) / self.seconds
        return f"| {self.clients} | {median:.2f} | {last:.2f} | {rate:.2f} | {self.refused} |"


class Service:
    """The command in a process of its own."""

    def __init__(self, model: str, image: Path) -> None:
        options = ["serve", "--model", model, "--port", "0", "--no-page"]
        self.process = subprocess.Popen(
            [sys.executable, *COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        found = re.search(r":(\d+)/v1/reports", self.process.stdout.readline())
        assert found is not None, "the service did not start"
        self.port = int(found[1])
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        self.body = head.encode() + image.read_bytes() + f"\r\n--{BOUNDARY}--\r\n".encode()

    def ask(self) -> int:
        """Ask for a report; return the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        connection.request("POST", "/v1/reports", self.body, kind)
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.status

    def megabytes(self) -> tuple[float, float]:
        """Return what the service holds, and what its decoders hold."""
        own = psutil.Process(self.process.pid)
        children = sum(child.memory_info().rss for child in own.children(recursive=True))
        return own.memory_info().rss / 1e6, children / 1e6


def load(service: Service, clients: int, seconds: float) -> Load:
    latencies: list[float] = []
    refused = 0
    end = time.monotonic() + seconds

    def client() -> None:
        nonlocal refused
        while time.monotonic() < end:
            begin = time.perf_counter()
            if service.ask() == 200:
                latencies.append(time.perf_counter() - begin)
            else:
                refused += 1
                time.sleep(0.1)

    begin = time.monotonic()
    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Load(clients, time.monotonic() - begin, latencies, refused)


def overhead(service: Service, model: str, image: Path, rounds: int) -> tuple[float, float]:
    opened = open_model(model, lambda: open_tracking(find_project(Path.cwd())))
    generator = StudyGenerator(opened.bundle)
    pixels = prepared(image, opened.bundle.image_size).pixels[np.newaxis]
    vocabulary, size = opened.bundle.vocabulary, opened.bundle.image_size
    decider = opened.bundle.decider

    def bare() -> None:
        features = image_features(generator.model, pixels)
        if decider is not None:
            decider.logits(generator.model.encoder.backbone, as_tensor(pixels), features)
        attended_reports(generator.model, vocabulary, features, size, None, check=generator._check)

    whole, alone = [], []
    for _ in range(rounds + 1):
        begin = time.perf_counter()
        service.ask()
        middle = time.perf_counter()
        bare()
        whole.append(middle - begin)
        alone.append(time.perf_counter() - middle)
    return float(np.median(whole[1:])), float(np.median(alone[1:]))


def as_tensor(pixels: np.ndarray) -> object:
    import torch

    return torch.from_numpy(pixels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--model", default=CHAMPION)
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--requests", type=int, default=5000, help="in all, for the memory")
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    service = Service(given.model, given.image)
    try:
        service.ask()
        whole, alone = overhead(service, given.model, given.image, given.rounds)
        print(f"from request to report {whole:.3f} s, encoder and decoder alone {alone:.3f} s")
        print(f"ratio {whole / alone:.2f}", flush=True)
        before = service.megabytes()
        print("| clients | median, s | 99th percentile, s | reports a second | refused |")
        print("|---|---|---|---|---|")
        loads = []
        for clients in CLIENTS:
            loads.append(load(service, clients, given.seconds))
            print(loads[-1].row(), flush=True)
        done = sum(len(one.latencies) for one in loads)
        warm = service.megabytes()
        while done < given.requests:
            done += len(load(service, 8, 30).latencies)
        after = service.megabytes()
        print("memory of service and decoders, MB")
        for when, used in (
            ("before the load", before),
            ("after it", warm),
            (f"after {done} requests", after),
        ):
            print(f"  {when:<24}{used[0]:.0f} {used[1]:.0f}")
        print(f"load of the machine: {os.getloadavg()[0]:.1f} of {os.cpu_count()} processors")
    finally:
        service.process.terminate()
        service.process.wait()


if __name__ == "__main__":
    main()
