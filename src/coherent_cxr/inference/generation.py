"""Writing reports for many studies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt
from torch import Tensor
from tqdm import tqdm

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.configuration import Settings
from coherent_cxr.images.store import ImageStore
from coherent_cxr.inference.consensus import ConsensusConfig, ConsensusWriter, GeneratedReport
from coherent_cxr.inference.decisions import DecidedFindings, FindingEvidence, Guidance
from coherent_cxr.inference.decoding import decode, word_ids
from coherent_cxr.inference.features import EncoderMode, feature_provider
from coherent_cxr.inference.samples import rows_to_read
from coherent_cxr.inference.sentence_check import SentenceCheck
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.models.image_encoder.precision import Precision
from coherent_cxr.reports.text import detokenize
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.rewards import CiderD

Strategy = Literal["greedy", "beam", "sample", "consensus"]
"""How a report is decoded: word by word the likeliest, by beam search, one sample, or the sample that the
others are most like."""


class GenerationConfig(Settings):
    """How reports are written for evaluation.

    Attributes:
        batch_size: Studies per batch.
        beams: Width of the beam search; 1 is greedy.
        precision: Number format of the encoder.
        decided: Systems that write a second time, with the findings that the label classifier calls; see
            :class:`~coherent_cxr.inference.decisions.DecidedFindings`.
        evidence: Systems that write a second time, with the label classifier's probabilities as evidence; see
            :class:`~coherent_cxr.inference.decisions.FindingEvidence`.
        evidence_weight: What the evidence is multiplied by.
        oracle: Systems that write once more with the labels of the references: what perfect decisions would
            give, for ablation tables only.
        continuations: Likeliest continuations of a finding token among which a sentence is chosen again that
            does not say what its token promises; 0 keeps every sentence.
        consensus: Rows that are also written by consensus, and how.
        checkpoint_folder: Where training kept the features of all stored images; generators with the same
            encoder share them. None encodes the asked images anew.
    """

    batch_size: PositiveInt
    beams: PositiveInt = 1
    precision: Precision
    decided: tuple[str, ...]
    evidence: tuple[str, ...]
    evidence_weight: NonNegativeFloat
    oracle: tuple[str, ...]
    continuations: NonNegativeInt
    consensus: ConsensusConfig
    checkpoint_folder: str | None


class Likely(NamedTuple):
    """How likely findings are.

    Attributes:
        probabilities: ``study_id`` and the probability of each observation.
        usual: The share of training studies that show each observation.
    """

    probabilities: pd.DataFrame
    usual: Mapping[str, float]


@torch.no_grad()
def generate_reports(
    bundle: ModelBundle,
    store: ImageStore,
    study_ids: Sequence[str],
    config: GenerationConfig,
    known: pd.DataFrame | Likely | None,
    labeler: CheXpertLabeler | None,
    strategy: Strategy | None = None,
    document_frequencies: CiderD | None = None,
) -> pd.DataFrame:
    """Write a report for each study: from its first stored image (frontal first), or from its two views.

    Args:
        bundle: The generator.
        store: Prepared images of the size the generator was trained on.
        study_ids: Studies, each with at least one stored image.
        config: Batch size, beam, post-processing, precision.
        known: ``study_id`` and observations, 1 where the report has to affirm it; or how likely they are.
            None lets the generator decide by its words alone.
        labeler: Reads whether a sentence says what its finding token promises; None keeps every sentence.
        strategy: How reports are decoded; None is greedy, or beam search where ``config.beams`` is above 1.
        document_frequencies: CIDEr-D with the training split's document frequencies, for ``consensus``.

    Returns:
        Table with ``study_id``, ``tokens`` (lists of words per sentence), ``report`` (readable text) and
        ``finding_tokens`` (one per sentence, empty where it has none) as decoded, repeated sentences
        included, in the order of ``study_ids``.

    Raises:
        ValueError: If the store's image size is not the generator's, it cannot follow decisions, or consensus
            decoding lacks what it compares reports with.
    """
    if strategy == "consensus":
        counts = [config.consensus.samples]
        writer = consensus_writer(bundle.vocabulary, config, labeler, document_frequencies)
        chosen = consensus_reports(writer, bundle, store, study_ids, config, known, counts)
        return report_table(bundle.vocabulary, study_ids, chosen[0])
    how = strategy or ("greedy" if config.beams == 1 else "beam")
    dice = torch.Generator(_device()).manual_seed(config.consensus.seed)
    check = sentence_check(bundle.vocabulary, labeler, config.continuations)
    reports: list[GeneratedReport] = []
    for model, regions, guidance in batches(bundle, store, study_ids, config, known):
        written = decode(
            model,
            regions,
            how,
            dice,
            beams=config.beams,
            temperature=config.consensus.temperature,
            guidance=guidance,
            check=check,
        )
        reports += word_ids(written.reports)
    return report_table(bundle.vocabulary, study_ids, reports)


def consensus_reports(
    writer: ConsensusWriter,
    bundle: ModelBundle,
    store: ImageStore,
    study_ids: Sequence[str],
    config: GenerationConfig,
    known: pd.DataFrame | Likely | None,
    counts: Sequence[int],
) -> list[list[GeneratedReport]]:
    """Write a report per study for each of several numbers of samples ``(counts, studies)``."""
    chosen: list[list[GeneratedReport]] = [[] for _ in counts]
    for model, regions, guidance in batches(bundle, store, study_ids, config, known):
        for reports, found in zip(chosen, writer.write(model, regions, guidance, counts), strict=True):
            reports += found
    return chosen


def batches(
    bundle: ModelBundle,
    store: ImageStore,
    study_ids: Sequence[str],
    config: GenerationConfig,
    known: pd.DataFrame | Likely | None,
) -> Iterator[tuple[ReportGenerator, Tensor, Guidance | None]]:
    """Yield the generator, the regions of some studies, and what is known of their findings.

    Raises:
        ValueError: If the store's image size is not the generator's, or it cannot follow decisions.
    """
    if store.size != bundle.image_size:
        raise ValueError(
            f"The generator reads {bundle.image_size} pixel images and the image store holds {store.size} "
            "pixel ones. Run image_preparation and training with the same `size`."
        )
    device = _device()
    model = bundle.build().to(device)
    mode: EncoderMode = "trainable" if config.checkpoint_folder is None else "frozen"
    folder = Path(config.checkpoint_folder or "")
    regions_of = feature_provider(model, store, mode, folder, config.precision, device)
    for start in tqdm(range(0, len(study_ids), config.batch_size), desc="reports", unit="batch"):
        batch = study_ids[start : start + config.batch_size]
        regions = regions_of(np.stack([rows_to_read(store, study, bundle.config)[0] for study in batch]))
        guidance = None if known is None else _guidance(bundle.vocabulary, known, batch, device, config)
        yield model, regions, guidance


def report_table(
    vocabulary: Vocabulary, study_ids: Sequence[str], reports: Sequence[GeneratedReport]
) -> pd.DataFrame:
    """Return written reports as :func:`generate_reports` does."""
    tokens = [[vocabulary.decode(sentence) for sentence in report] for report in reports]
    of_sentences = [[vocabulary.finding_token_of(sentence) for sentence in report] for report in reports]
    return pd.DataFrame(
        {
            "study_id": list(study_ids),
            "tokens": tokens,
            "report": [detokenize(report) for report in tokens],
            "finding_tokens": of_sentences,
        }
    )


def consensus_writer(
    vocabulary: Vocabulary,
    config: GenerationConfig,
    labeler: CheXpertLabeler | None,
    document_frequencies: CiderD | None,
) -> ConsensusWriter:
    """Return what samples reports and chooses among them; its randomness starts at the seed.

    Raises:
        ValueError: If the labeller or the document frequencies are missing.
    """
    if labeler is None or document_frequencies is None:
        raise ValueError(
            "Consensus decoding needs a labeller, to read which findings a sample affirms, and the training "
            "split's document frequencies, to compare samples by CIDEr-D."
        )
    return ConsensusWriter(
        config.consensus,
        vocabulary,
        labeler,
        config.consensus.similarity(document_frequencies),
        torch.Generator(_device()).manual_seed(config.consensus.seed),
        sentence_check(vocabulary, labeler, config.continuations),
    )


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def sentence_check(
    vocabulary: Vocabulary, labeler: CheXpertLabeler | None, continuations: int
) -> SentenceCheck | None:
    """Return what chooses sentences again; None where nothing is to be checked."""
    if labeler is None or not continuations or not vocabulary.finding_token_ids:
        return None
    return SentenceCheck(vocabulary, labeler, continuations)


def _guidance(
    vocabulary: Vocabulary,
    known: pd.DataFrame | Likely,
    study_ids: Sequence[str],
    device: torch.device,
    config: GenerationConfig,
) -> Guidance:
    table = known.probabilities if isinstance(known, Likely) else known
    of_batch = table.set_index("study_id").loc[list(study_ids)]
    if not isinstance(known, Likely):
        of_batch = of_batch.eq(1).fillna(value=False).astype(bool)
    columns = {
        str(name): torch.from_numpy(column.to_numpy().copy()).to(device) for name, column in of_batch.items()
    }
    if isinstance(known, Likely):
        return FindingEvidence.of_probabilities(vocabulary, columns, known.usual, config.evidence_weight)
    return DecidedFindings.of_labels(vocabulary, columns)
