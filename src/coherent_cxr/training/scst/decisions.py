"""The decisions that make up sampled reports: each word and each stop, with its log-probability."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from coherent_cxr.models.generator import TeacherForced
from coherent_cxr.models.likelihood import stop_log_probabilities, word_log_probabilities


class Decisions(NamedTuple):
    """All decisions of a batch of reports, those of padding left out.

    Attributes:
        log_probability: Of each decision ``(decisions,)``: first the words, then the stops, each in reading
            order.
        report: Report of each ``(decisions,)``.
    """

    log_probability: Tensor
    report: Tensor

    def per_report(self, reports: int) -> Tensor:
        """Return log p of each whole report ``(reports,)``."""
        total = self.log_probability.new_zeros(reports)
        return total.index_add(0, self.report, self.log_probability)

    def of_first(self, reports: int) -> Decisions:
        """Return those of the first reports."""
        chosen = self.report < reports
        return Decisions(self.log_probability[chosen], self.report[chosen])


def decisions_of(scored: TeacherForced) -> Decisions:
    """Return the decisions of scored reports; their sum is log p of the whole reports."""
    asked, made = scored.word_mask, scored.stop_mask
    reports = torch.arange(made.shape[0], device=made.device).unsqueeze(1).expand_as(made)
    return Decisions(
        torch.cat([word_log_probabilities(scored)[asked], stop_log_probabilities(scored)[made]]),
        torch.cat([scored.packing.report[asked], reports[made]]),
    )
