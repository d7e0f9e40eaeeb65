"""The rows that one generator has in the results: alone, with decisions, by consensus."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.configuration import require
from coherent_cxr.images.store import ImageStore
from coherent_cxr.inference.generation import (
    GenerationConfig,
    Likely,
    consensus_decoder,
    consensus_reports,
    generate_reports,
    report_table,
)
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.reports.priors import Priors
from coherent_cxr.rewards import CiderD

logger = logging.getLogger(__name__)
DECIDED, EVIDENCE, ORACLE, CONSENSUS = " decided", " with evidence", " oracle", " consensus"
"""Suffixes of the rows' names, in this order."""
GREEDY = 0
"""Stands for the row's own report where numbers of samples are compared."""


@dataclass(frozen=True)
class RowGenerator:
    """Generates the reports of one generator, row by row.

    Attributes:
        config: Which rows there are, and how reports are decoded.
        store: Prepared images.
        labeler: Reads whether sentences and samples affirm what they should.
        document_frequencies: CIDEr-D with the training split's document frequencies.
        calls: ``study_id`` and the findings that the label classifier calls.
        likely: How likely it thinks them.
        true_labels: ``study_id`` and the labels of the references.
        priors: The studies before, for generators that read them.
    """

    config: GenerationConfig
    store: ImageStore
    labeler: CheXpertLabeler
    document_frequencies: CiderD
    calls: pd.DataFrame
    likely: Likely
    true_labels: pd.DataFrame
    priors: Priors | None = None

    def rows(
        self, system: str, bundle: ModelBundle, study_ids: Sequence[str]
    ) -> Iterator[tuple[str, pd.DataFrame]]:
        """Yield the name and the reports of every row of a generator."""
        for name, known in self._known(system, bundle).items():
            arguments = bundle, self.store, study_ids, self.config, known, self.labeler
            yield name, generate_reports(*arguments, priors=self.priors)
            if name in self.config.consensus.systems:
                cider = self.document_frequencies
                chosen = generate_reports(*arguments, "consensus", cider, self.priors)
                yield name + CONSENSUS, chosen

    def by_samples(self, system: str, bundle: ModelBundle, study_ids: Sequence[str]) -> pd.DataFrame:
        """Generate by consensus with every number of samples of ``consensus.quality_at``.

        Returns:
            ``system``, ``samples`` (0: the row's own report, without consensus), ``study_id``, ``tokens``,
            ``report``, ``finding_tokens``; empty where the generator has no row with consensus.
        """
        counts = sorted(set(self.config.consensus.quality_at))
        requested = self.config.consensus.systems if counts else ()
        tables = []
        for name, known in self._known(system, bundle).items():
            if name not in requested:
                continue
            arguments = bundle, self.store, study_ids, self.config, known
            own = generate_reports(*arguments, self.labeler, priors=self.priors)
            tables.append(own.assign(system=name, samples=GREEDY))
            decoder = consensus_decoder(
                bundle.vocabulary, self.config, self.labeler, self.document_frequencies
            )
            chosen = consensus_reports(decoder, *arguments, counts, self.priors)
            for count, reports in zip(counts, chosen, strict=True):
                table = report_table(bundle.vocabulary, study_ids, reports)
                tables.append(table.assign(system=name, samples=count))
        columns = ["system", "samples", "study_id", "tokens", "report", "finding_tokens"]
        return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)

    def _known(self, system: str, bundle: ModelBundle) -> dict[str, pd.DataFrame | Likely | None]:
        """Return what is known of the findings in each row; None where the generator decides alone."""
        known: dict[str, pd.DataFrame | Likely | None] = {system: None}
        if system in self.config.decided:
            known[system + DECIDED] = self.calls
        if system in self.config.evidence:
            known[system + EVIDENCE] = self.likely
        if system in self.config.oracle:
            known[system + ORACLE] = self.true_labels
        if len(known) > 1 and not bundle.follows_decisions:
            logger.warning(
                "%s was trained without finding tokens or sentence feedback, so it cannot follow decided "
                "findings and generates without them.",
                system,
            )
            return {system: None}
        return known


def check_systems(config: GenerationConfig, systems: Iterable[str]) -> None:
    """Refuse settings that name a system which is not there.

    Raises:
        ConfigurationError: Naming the setting, the system and those there are.
    """
    known = list(systems)
    for key in ("decided", "evidence", "oracle"):
        for system in getattr(config, key):
            require(system in known, f"generation.{key}", system, f"one of {', '.join(known)}")
    rows = [
        *known,
        *(system + DECIDED for system in config.decided),
        *(system + EVIDENCE for system in config.evidence),
        *(system + ORACLE for system in config.oracle),
    ]
    for row in config.consensus.systems:
        require(row in rows, "generation.consensus.systems", row, f"one of {', '.join(rows)}")


def uses_true_labels(system: str) -> bool:
    """Tell whether a row's reports follow the labels of the references."""
    return system.removesuffix(CONSENSUS).endswith(ORACLE)
