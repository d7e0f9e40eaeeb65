"""Examples under the help of every command."""

from __future__ import annotations

EXAMPLES = {
    "check-data": ("coherent-cxr check-data", "coherent-cxr check-data --env mimic_cxr"),
    "drift": (
        "coherent-cxr drift drift.sqlite --model models:/coherent-cxr@champion",
        "coherent-cxr drift drift.sqlite --output page.html",
    ),
    "evaluate": (
        "coherent-cxr evaluate --generated mine.csv --references reports.csv",
        "coherent-cxr evaluate --generated a=a.csv --generated b=b.csv --references r.csv --output ab",
    ),
    "export": (
        "coherent-cxr export exported/",
        "coherent-cxr export exported/ --model models:/coherent-cxr/3",
    ),
    "generate": (
        "coherent-cxr generate image.png",
        "coherent-cxr generate image.dcm --attention attention.png --operating-point sensitive",
        "coherent-cxr generate image.png --model models:/coherent-cxr/3 --json",
        "coherent-cxr generate folder/ --output reports.csv",
        "coherent-cxr generate studies.csv --format dicom-sr --output reports/",
    ),
    "import": (
        "coherent-cxr import reports.csv --study-id accession --report text --images films/ --image file",
        "coherent-cxr import reports.csv --mapping mapping.yml --images films/",
    ),
    "train-labeller": (
        "coherent-cxr train-labeller --reports_path r.csv --corrections c.csv --output mine.safetensors",
    ),
    "label": (
        "coherent-cxr label --reports_path reports.csv --output_path labels.csv",
        "coherent-cxr label --reports_path r.jsonl --column findings --output_path l.csv --html page.html",
    ),
    "promote": (
        'coherent-cxr promote 3 --reason "Fewer missed effusions on our own test films."',
        'coherent-cxr promote challenger --reason "Agreed with radiology on 28 November."',
    ),
    "rexrank": (
        "coherent-cxr rexrank --input_json_file in.json --save_json_file out.json --img_root_dir images",
    ),
    "rollback": ('coherent-cxr rollback --reason "Invents pneumothorax on portable films."',),
    "run": (
        "kedro run",
        "kedro run --env openi --pipelines evaluation",
        "kedro run --nodes write_results_page",
        "kedro run --params mle_training.epochs=20 --verbose",
    ),
    "serve": ("coherent-cxr serve", "coherent-cxr serve --port 9000 --operating-point sensitive --batch 16"),
    "summary": ("coherent-cxr summary", "coherent-cxr summary --env openi"),
}
"""Lines to type, by command."""


def epilog(command: str | None = None) -> str:
    """Return what stands under a command's help; without one, an example of each."""
    lines = EXAMPLES[command] if command else [lines[0] for name, lines in EXAMPLES.items() if name != "run"]
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
