"""Which lines the learning curves draw."""

from __future__ import annotations

import pandas as pd

from coherent_cxr.evaluation.report.figures.curves import curves_figure, reward_curves
from coherent_cxr.pages.colours import GENERATORS

COLUMNS = ["step", "epoch", "split", "metric", "value"]


def history(metric: str, split: str = "train") -> pd.DataFrame:
    return pd.DataFrame([(1, 1.0, split, metric, 0.5), (2, 2.0, split, metric, 0.4)], columns=COLUMNS)


def test_a_stage_that_trains_several_systems_has_a_line_for_each() -> None:
    own = [history("word_loss").assign(system=name) for name in ("tienet", "a/word_loss")]
    figure = curves_figure({"mle": history("word_loss"), "baselines": pd.concat(own), "full": history("kl")})
    # likelihood training and baselines have axes of their own
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [[str(line.get_label()) for line in panel.lines] for panel in panels] == [
        ["mle"],
        ["tienet", "a/word_loss"],
    ]
    assert [len(line.get_xdata()) for panel in panels for line in panel.lines] == [2, 2, 2]


def test_a_long_training_line_is_smoothed_and_its_raw_line_is_faint() -> None:
    steps = range(100)
    rewards = [(s, s / 100, "train", "cider", float(s % 2)) for s in steps]
    figure = curves_figure({"full": pd.DataFrame(rewards, columns=COLUMNS)})
    (panel,) = [axes for axes in figure.axes if axes.get_visible()]
    raw, smooth = panel.lines
    assert raw.get_alpha() == 0.25
    assert raw.get_color() == smooth.get_color() == GENERATORS["full"]
    assert set(raw.get_ydata()) == {0.0, 1.0}
    assert 0.35 < min(smooth.get_ydata()[5:-5]) < max(smooth.get_ydata()[5:-5]) < 0.65


def test_no_legend_lies_on_the_lines() -> None:
    terms = [history(f"ccr_average/{n}") for n in range(13)]
    figure = reward_curves("full", pd.concat(terms))
    figure.canvas.draw()
    (panel,) = [axes for axes in figure.axes if axes.get_visible()]
    legend = panel.get_legend()
    assert legend is not None
    assert legend.get_window_extent().y1 <= panel.get_window_extent().y0


def test_a_number_of_one_observation_is_not_taken_for_the_mean_over_all() -> None:
    both = pd.concat([history("auroc", "validation"), history("Edema/auroc", "validation")])
    figure = curves_figure({"encoder": both})
    (panel,) = [axes for axes in figure.axes if axes.get_visible()]
    assert [len(line.get_xdata()) for line in panel.lines] == [2]
