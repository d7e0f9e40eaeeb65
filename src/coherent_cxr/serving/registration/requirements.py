"""Packages a registered model needs: all that reading an image and generating a report may import."""

from __future__ import annotations

from importlib.metadata import version

REQUIREMENTS = (
    "imagecodecs",
    "jinja2",
    "mlflow",
    "numpy",
    "pandas",
    "pillow",
    "pyahocorasick",
    "pyarrow",
    "pydantic",
    "pydicom",
    "pyjpegls",
    "pylibjpeg",
    "pylibjpeg-openjpeg",
    "pyyaml",
    "safetensors",
    "scikit-learn",
    "scipy",
    "torch",
    "torchvision",
    "tqdm",
)


def pinned_requirements() -> list[str]:
    """Return the requirements with the versions that are installed here.

    A local part of a version (``+cpu``) is left out: it names a build that package indexes do not have.
    """
    return [f"{name}=={version(name).partition('+')[0]}" for name in REQUIREMENTS]
