"""No way of decoding generates a de-identification mark; training still learns from sentences with one."""

from __future__ import annotations

import pytest
import torch

from coherent_cxr.inference.decoding import decode, sample_reports, sample_reports_and_greedy, word_ids
from coherent_cxr.inference.sentence_decoding import SamplingConfig
from coherent_cxr.models.generator import ReportGenerator, TargetReports
from coherent_cxr.reports.vocabulary import SPECIAL, Vocabulary

WORDS = Vocabulary([*SPECIAL, "heart", "xxxx", "is", "normal", "<Edema>"], {}, 1)
MARK = 5


@pytest.fixture
def fond_of_marks(config) -> ReportGenerator:
    """A generator for which the mark is the likeliest word by far."""
    torch.manual_seed(0)
    model = ReportGenerator.of_vocabulary(config, WORDS).eval()
    with torch.no_grad():
        model.word_decoder.word.bias[MARK] += 100
    return model


def test_marks_are_found_in_the_vocabulary_inside_other_words_too():
    assert WORDS.deidentified_ids == {MARK}
    assert Vocabulary([*SPECIAL, "t-xxxx", "xx", "x-ray"], {}, 1).deidentified_ids == {4}


@pytest.mark.parametrize("how", ["greedy", "sample", "beam"])
def test_the_likeliest_word_is_never_generated_where_it_is_a_mark(fond_of_marks, regions, how):
    written = decode(fond_of_marks, regions, how, torch.Generator().manual_seed(0)).reports
    words = [word for report in word_ids(written) for sentence in report for word in sentence]
    assert words
    assert MARK not in words


def test_training_samples_keep_the_probabilities_that_are_scored(fond_of_marks, regions):
    sampling = SamplingConfig(True, torch.Generator().manual_seed(0))
    assert (sample_reports(fond_of_marks, regions, sampling).words == MARK).any()
    drawn, greedy = sample_reports_and_greedy(fond_of_marks, regions, 2, sampling)
    assert (drawn.words == MARK).any()
    assert not (greedy.words == MARK).any()


def test_a_target_sentence_with_a_mark_is_learnt_as_before(fond_of_marks, regions):
    words = torch.tensor([[[4, MARK, Vocabulary.eos_id]]]).expand(len(regions), 1, 3)
    count = torch.ones(len(regions), dtype=torch.long)
    scored = fond_of_marks(regions, TargetReports(words, count, count.bool()))
    assert scored.word_mask.all()
    assert scored.word_logits[scored.targets == MARK, MARK].isfinite().all()
