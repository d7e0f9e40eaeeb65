from __future__ import annotations

from coherent_cxr.evaluation.report.figures.curves import learning_curves
from coherent_cxr.training.engine.history import History


def test_one_panel_per_metric_with_a_line_per_split():
    history = History()
    for step in (1, 2, 3):
        history.log(step, step / 2, "train", {"loss": 1 / step, "learning_rate": 0.1})
    history.log(3, 1, "validation", {"loss": 0.5, "auroc": 0.7, "auroc/Edema": 0.6})
    figure = learning_curves(history.table(), "toy")
    panels = {p.get_title(loc="left"): p for p in figure.axes if p.get_visible()}
    assert set(panels) == {"loss", "learning rate", "auroc"}
    train, validation = panels["loss"].get_lines()
    assert train.get_xdata().tolist() == [0.5, 1.0, 1.5]
    assert train.get_ydata().tolist() == [1, 1 / 2, 1 / 3]
    assert validation.get_ydata().tolist() == [0.5]
    assert [line.get_label() for line in panels["auroc"].get_lines()] == ["validation"]


def test_an_empty_history_gives_a_figure():
    figure = learning_curves(History().table(), "a title")
    assert [text.get_text() for text in figure.texts] == ["no numbers yet", "a title"]
