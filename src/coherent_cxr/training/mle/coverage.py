"""Coverage of the image by a report's sentences (See et al. 2017), so that a report repeats less."""

from __future__ import annotations

import torch
from torch import Tensor

from coherent_cxr.models.generator import TeacherForced

LEAST = 1e-9


def coverage(scored: TeacherForced) -> Tensor:
    """Return how much each sentence attends to what earlier sentences have attended to.

    a_i is the attention of sentence i, added up over its words and scaled to one over the regions, so that
    leaving more to the sentinel gains nothing. c_i = a_1 + ... + a_{i-1} is the coverage before it, and its
    cost is sum_k min(a_ik, c_ik) (eq. 13 there, a sentence in the place of a word).

    Args:
        scored: Result of a teacher-forced pass.

    Returns:
        0 (regions not attended to before) to 1 ``(batch, sentences)``; 0 for first and absent sentences.
    """
    packing = scored.packing
    batch, sentences = scored.stop_mask.shape
    regions = scored.attention[:, :-1]
    places = int(packing.place.max()) + 1
    # no place is written twice, so sums have one order: (batch, places, K) and (batch, sentences, places)
    side_by_side = regions.new_zeros(batch, places, regions.shape[1])
    side_by_side = side_by_side.index_put((packing.report, packing.place), regions)
    member = regions.new_zeros(batch, sentences, places)
    member[packing.report, packing.sentence, packing.place] = 1.0
    own = member @ side_by_side
    own = own / own.sum(dim=-1, keepdim=True).clamp_min(LEAST)
    earlier = own.cumsum(dim=1) - own
    return torch.minimum(own, earlier).sum(dim=-1)
