from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.inference.samples import (
    batches_per_epoch,
    pad_reports,
    rows_to_read,
    samples_of_split,
    shuffled_batches,
)
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.reports.priors import PriorStudy
from helpers.settings import filled

PER_IMAGE, PER_STUDY = filled(GeneratorConfig), filled(GeneratorConfig, study_input="per_study")


def image_ids(corpus, rows):
    return corpus.store.index.set_index("row").loc[np.asarray(rows).flatten(), "image_id"].tolist()


def test_every_image_is_a_sample_or_every_study(corpus):
    per_image = samples_of_split(corpus.encoded_reports, corpus.store, "train", PER_IMAGE)
    per_study = samples_of_split(corpus.encoded_reports, corpus.store, "train", PER_STUDY)
    assert len(per_study) == 18
    assert len(per_image) == 18 + 8  # every second study has a lateral image
    assert per_study.image_rows.shape == (18, 2)
    assert per_image.study_ids[:3] == ["s00", "s01", "s01"]
    assert torch.equal(per_image.reports.words[1], per_image.reports.words[2])


def test_a_study_is_read_from_its_two_views_and_from_one_twice_where_the_other_is_missing(corpus):
    assert image_ids(corpus, rows_to_read(corpus.store, "s01", PER_STUDY)) == ["s01-frontal", "s01-lateral"]
    assert image_ids(corpus, rows_to_read(corpus.store, "s00", PER_STUDY)) == ["s00-frontal", "s00-frontal"]
    assert image_ids(corpus, rows_to_read(corpus.store, "s01", PER_IMAGE)) == ["s01-frontal", "s01-lateral"]
    assert len(rows_to_read(corpus.store, "unknown", PER_STUDY)) == 0


def test_with_its_prior_a_study_is_read_from_two_images_and_the_hours_between(corpus):
    config = filled(GeneratorConfig, study_input="with_prior")
    frontal = {study: corpus.store.row_of(f"{study}-frontal") for study in ("s00", "s01", "s02")}
    priors = {"s01": PriorStudy("s00", 1.5), "s02": PriorStudy("without image", 2.0)}
    assert rows_to_read(corpus.store, "s01", config, priors).tolist() == [
        [frontal["s01"], frontal["s00"], 36]
    ]
    assert rows_to_read(corpus.store, "s02", config, priors).tolist() == [[frontal["s02"], -1, -1]]
    assert rows_to_read(corpus.store, "s00", config).tolist() == [[frontal["s00"], -1, -1]]
    assert len(rows_to_read(corpus.store, "without image", config, priors)) == 0
    encoded = corpus.encoded_reports.assign(prior_id=None, interval_days=np.nan)
    encoded.loc[1, ["prior_id", "interval_days"]] = ["s00", 1.5]
    samples = samples_of_split(encoded, corpus.store, "train", config)
    assert samples.study_ids[1] == "s01"
    assert samples.image_rows[1].tolist() == [frontal["s01"], frontal["s00"], 36]
    assert (np.delete(samples.image_rows, 1, axis=0)[:, 1:] == -1).all()


def test_one_image_per_study_is_the_frontal_one(corpus):
    samples = samples_of_split(
        corpus.encoded_reports, corpus.store, "validation", PER_IMAGE, images_per_study=1
    )
    assert image_ids(corpus, samples.image_rows) == [f"{study}-frontal" for study in samples.study_ids]


def test_a_batch_is_cut_to_its_own_longest_sentence_and_report():
    samples_words = pad_reports([[[4, 5, 6]], [[7], [8, 9]]], PER_IMAGE)
    assert samples_words.words.tolist() == [[[4, 5, 6, 2], [0] * 4], [[7, 2, 0, 0], [8, 9, 2, 0]]]
    assert samples_words.sentences.tolist() == [1, 2]
    assert samples_words.stopped.tolist() == [True, True]


def test_what_is_cut_carries_no_end_and_no_stop():
    config = filled(GeneratorConfig, max_sentences=2, max_words=3)
    reports = pad_reports([[[4, 5, 6], [7, 8], [9]]], config)
    assert reports.words.tolist() == [[[4, 5, 6], [7, 8, 2]]]
    assert reports.stopped.tolist() == [False]


def test_a_split_without_samples_is_refused_with_counts(corpus):
    with pytest.raises(
        ValueError, match="No study of the split 'dev' has both a report and an image: 0 reports"
    ):
        samples_of_split(corpus.encoded_reports, corpus.store, "dev", PER_IMAGE)


@pytest.mark.parametrize(
    ("count", "size", "lengths"),
    [
        (9, 4, [4, 5]),  # a lone last sample joins the batch before
        (10, 4, [4, 4, 2]),
        (8, 4, [4, 4]),
        (5, 2, [2, 3]),
        (3, 4, [3]),
        (1, 4, [1]),  # there is none before
        (3, 1, [1, 1, 1]),  # all are lone, as asked
        (0, 4, []),
    ],
)
def test_batches_hold_every_sample_once(count, size, lengths):
    batches = list(shuffled_batches(count, size, torch.Generator().manual_seed(0)))
    assert [len(batch) for batch in batches] == lengths
    assert batches_per_epoch(count, size) == len(lengths)
    assert sorted(i for batch in batches for i in batch.tolist()) == list(range(count))


@given(count=st.integers(0, 300), size=st.integers(1, 40))
def test_the_number_of_batches_is_exact(count, size):
    batches = list(shuffled_batches(count, size, torch.Generator().manual_seed(1)))
    assert batches_per_epoch(count, size) == len(batches)
    assert sorted(i for batch in batches for i in batch.tolist()) == list(range(count))
    assert size == 1 or count < 2 or min(map(len, batches)) > 1


def test_a_digest_tells_every_change_of_samples(corpus):
    samples = samples_of_split(corpus.encoded_reports, corpus.store, "train", PER_IMAGE)
    words = samples.reports.words.clone()
    words[3, 0, 0] += 1
    changed = [
        replace(samples, study_ids=[*samples.study_ids[:-1], "other"]),
        replace(samples, image_rows=samples.image_rows[::-1].copy()),
        replace(samples, reports=samples.reports._replace(words=words)),
        replace(samples, reports=samples.reports._replace(stopped=~samples.reports.stopped)),
    ]
    assert len({one.digest for one in [samples, *changed]}) == 5
    assert samples_of_split(corpus.encoded_reports, corpus.store, "train", PER_IMAGE).digest == samples.digest
