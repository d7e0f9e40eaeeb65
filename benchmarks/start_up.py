"""How long the commands take to start, against what any PyTorch program pays for ``import torch``.

Run: python benchmarks/start_up.py [--repeats 5] [--json FILE]

Every command runs in a fresh process, in turn with the rival; the medians are compared, of wall time and of
processor time (user and system), which other programs on the machine change less. ``generate`` opens a bundle
of shipped size with random weights; ``kedro run`` is of the stage ``vocabulary_building`` and 150 reports.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from base_settings import CONF, base_settings
from ratios import note

RIVAL = "import torch"
HELP, LABEL = "coherent-cxr --help", "coherent-cxr label, one report"
GENERATE, RUN = "coherent-cxr generate, one image", "kedro run of the smallest stage"
GOALS = {HELP: 0.3, LABEL: 0.6, GENERATE: 4.0, RUN: 5.0}
"""Most seconds of wall time on a machine with nothing else to do."""
GOALS_OF_TORCH = {HELP: 0.3, LABEL: 0.3, "import coherent_cxr.chexpert": 0.3, GENERATE: 2.0, RUN: 2.8}
"""Most of the rival's processor time."""
CALL = "from coherent_cxr.cli import main; main()"
KEDRO = "from kedro.framework.cli import main; main()"
BEFORE = "report_parsing,findings_extraction,chexpert_labelling"
WORDS = 1000


def commands(folder: Path) -> dict[str, list[str]]:
    reports = folder / "reports.csv"
    reports.write_text('"The heart is enlarged. There is no pleural effusion."\n')
    label = ["label", "--reports_path", str(reports), "--output_path", str(folder / "labels.csv")]
    image, model = folder / "image.png", folder / "model"
    write_model(model, image)
    return {
        RIVAL: [RIVAL],
        "pass": ["pass"],
        HELP: [CALL, "--help"],
        LABEL: [CALL, *label],
        GENERATE: [CALL, "generate", str(image), "--model", str(model)],
        RUN: [KEDRO, *run_of("vocabulary_building")],
        "import coherent_cxr.chexpert": ["import coherent_cxr.chexpert"],
        "import kedro.framework.session": ["import kedro.framework.session"],
        "import mlflow": ["import mlflow"],
    }


def run_of(stages: str) -> list[str]:
    return ["run", "--env", "test", "--pipelines", stages]


def write_model(folder: Path, image: Path) -> None:
    """Write a bundle of shipped size with random weights, and an image that it reads."""
    import numpy as np
    import torch
    from PIL import Image

    from coherent_cxr.models.bundle import ModelBundle
    from coherent_cxr.models.config import GeneratorConfig
    from coherent_cxr.models.generator import ReportGenerator
    from coherent_cxr.reports.vocabulary import Vocabulary

    words = [f"word{number}" for number in range(WORDS)]
    tokens = ["<pad>", "<bos>", "<eos>", "<unk>", *words]
    vocabulary = Vocabulary.from_dict({"tokens": tokens, "counts": dict.fromkeys(words, 9), "min_count": 1})
    config = base_settings(GeneratorConfig, encoder="efficientnet_lite0")
    torch.manual_seed(0)
    weights = ReportGenerator.of_vocabulary(config, vocabulary).state_dict()
    ModelBundle(config, vocabulary, 128, weights, {"system": "full", "training_studies": 7}).save(folder)
    pixels = np.add.outer(np.arange(256), np.arange(256)) // 2
    Image.fromarray(pixels.astype(np.uint8)).save(image)


def write_project(folder: Path) -> None:
    """Copy the project and run the stages that come before the one that is timed."""
    root = CONF.parent
    for name in ("conf", "src"):
        shutil.copytree(root / name, folder / name)
    shutil.copy(root / "pyproject.toml", folder)
    seconds([KEDRO, *run_of(BEFORE)], folder)


def seconds(arguments: list[str], folder: Path) -> tuple[float, float]:
    """Wall time and processor time of a process from its start to its end."""
    before, began = os.times(), time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", *arguments],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    wall, after = time.perf_counter() - began, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, used


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write the medians to this file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_project(folder)
        calls = commands(folder)
        times: dict[str, list[tuple[float, float]]] = {call: [] for call in calls}
        for turn in range(given.repeats + 1):  # the first fills the disk's cache
            for call, arguments in calls.items():
                took = seconds(arguments, folder)
                if turn:
                    times[call].append(took)
    medians = {
        call: {"wall": median(w for w, _ in took), "processor": median(p for _, p in took)}
        for call, took in times.items()
    }
    sys.stdout.write(
        "| command | wall, s | goal, s | of `import torch` | processor, s | of `import torch` |\n"
        "|---|---|---|---|---|---|\n"
    )
    for call, median_of in medians.items():
        shares = [median_of[clock] / medians[RIVAL][clock] for clock in ("wall", "processor")]
        sys.stdout.write(
            f"| `{call}` | {median_of['wall']:.2f} | {GOALS.get(call, '')} | {shares[0]:.2f} | "
            f"{median_of['processor']:.2f} | {shares[1]:.2f} |\n"
        )
        if call in GOALS_OF_TORCH:
            note(f"`{call}`, of the processor time", shares[1], f"`{RIVAL}`", at_most=GOALS_OF_TORCH[call])
    if given.json:
        given.json.write_text(json.dumps(medians, indent=2))


if __name__ == "__main__":
    main()
