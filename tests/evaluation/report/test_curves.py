"""Which lines the learning curves draw."""

from __future__ import annotations

import pandas as pd

from coherent_cxr.evaluation.report.figures.curves import curves_figure

COLUMNS = ["step", "epoch", "split", "metric", "value"]


def history(metric: str, split: str = "train") -> pd.DataFrame:
    return pd.DataFrame([(1, 1.0, split, metric, 0.5), (2, 2.0, split, metric, 0.4)], columns=COLUMNS)


def test_a_stage_that_trains_several_systems_has_a_line_for_each() -> None:
    own = [history("word_loss").assign(system=name) for name in ("tienet", "a/word_loss")]
    figure = curves_figure({"mle": history("word_loss"), "baselines": pd.concat(own), "full": history("kl")})
    (panel,) = [axes for axes in figure.axes if axes.get_visible()]
    assert [str(line.get_label()) for line in panel.lines] == ["mle", "tienet", "a/word_loss"]
    assert [len(line.get_xdata()) for line in panel.lines] == [2, 2, 2]


def test_a_number_of_one_observation_is_not_taken_for_the_mean_over_all() -> None:
    both = pd.concat([history("auroc", "validation"), history("Edema/auroc", "validation")])
    figure = curves_figure({"encoder": both})
    (panel,) = [axes for axes in figure.axes if axes.get_visible()]
    assert [len(line.get_xdata()) for line in panel.lines] == [2]
