"""The generator as programs that PyTorch runs without our code (``torch.export``), one for each step."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from coherent_cxr.models import exported
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.models.word_decoder import DecoderState, DecoderStepCache, ImageContext
from coherent_cxr.reports.vocabulary import Vocabulary

SCRIPT = "generate.py"


class _Encoder(nn.Module):
    """From images ``(batch, size, size)`` to regions, keys and mean region; see :class:`ImageContext`."""

    def __init__(self, model: ReportGenerator) -> None:
        super().__init__()
        self.encoder, self.attend_region = model.encoder, model.word_decoder.attend_region

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        regions = self.encoder(self.encoder.backbone(images))
        return regions, self.attend_region(regions), regions.mean(dim=1)


class _Sentence(nn.Module):
    """One step of the sentence decoder: what its topic adds to the words' gates, stop logit, new state."""

    def __init__(self, model: ReportGenerator) -> None:
        super().__init__()
        self.decoder = model.sentence_decoder
        cache = model.word_decoder.step_cache()
        self.context, self.bias = nn.Buffer(cache.context), nn.Buffer(cache.bias)

    def forward(
        self, mean: Tensor, before: Tensor, hidden: Tensor, cell: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        state = hidden.unsqueeze(0), cell.unsqueeze(0)
        topics, stops, (hidden, cell) = self.decoder(mean, before.unsqueeze(1), state)
        seen = torch.cat([mean, topics.squeeze(1)], dim=-1)
        gates = nn.functional.linear(seen, self.context, self.bias)
        return gates, stops.squeeze(1), hidden.squeeze(0), cell.squeeze(0)


class _Word(nn.Module):
    """One step of the word decoder: logits of the words that may follow, attention, new state."""

    def __init__(self, model: ReportGenerator) -> None:
        super().__init__()
        self.decoder = model.word_decoder
        cache = self.decoder.step_cache()
        self.words, self.hidden = nn.Buffer(cache.words), nn.Buffer(cache.hidden)

    def forward(
        self, previous: Tensor, gates: Tensor, regions: Tensor, keys: Tensor, hidden: Tensor, cell: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        before = previous.unsqueeze(1)
        cache = DecoderStepCache(
            self.words, self.hidden, self.hidden, self.hidden
        )  # the rest is in the gates
        image = ImageContext(regions, keys, hidden)  # the mean region is, too
        state = DecoderState(hidden.unsqueeze(1), cell.unsqueeze(1))
        logits, attention, after = self.decoder.step(before, gates.unsqueeze(1), cache, image, state)
        logits = self.decoder.well_formed(logits, before)
        first = (before == Vocabulary.bos_id).unsqueeze(-1)
        logits = logits.masked_fill(first & self.decoder.end, float("-inf"))
        return logits.squeeze(1), attention.squeeze(1), after.hidden.squeeze(1), after.cell.squeeze(1)


class _Embedding(nn.Module):
    """What the sentence decoder reads of the sentence before ``(batch, words)``."""

    def __init__(self, model: ReportGenerator) -> None:
        super().__init__()
        self.model = nn.ModuleDict({"words": model.word_decoder.embedding})
        self.feedback = model.sentence_decoder.feedback is not None

    def forward(self, words: Tensor) -> Tensor:
        embedded: Tensor = self.model["words"](words)
        counted = ((words != Vocabulary.pad_id) & (words != Vocabulary.eos_id)).float()
        total = (counted.unsqueeze(1) @ embedded).squeeze(1)
        return total / counted.sum(dim=1, keepdim=True).clamp_min(1) if self.feedback else total * 0


@torch.no_grad()
def export_model(bundle: ModelBundle, folder: Path, notice: str) -> None:
    """Write the generator as programs, with a script that generates reports with PyTorch alone.

    Args:
        bundle: The model. The programs read a single image, also for a model of whole studies, and no prior
            study.
        folder: Where they go; it is made.
        notice: What the reports must not be used for.
    """
    model, config = bundle.build(), bundle.config
    count, size = 2, config.size
    images = torch.zeros(count, bundle.image_size, bundle.image_size, dtype=torch.uint8)
    # one tensor in two places would become one argument
    before, hidden, cell = (torch.zeros(count, size) for _ in range(3))
    regions, keys, mean = _Encoder(model)(images)
    gates, *_ = _Sentence(model)(mean, before, hidden, cell)
    words = torch.full((count, config.max_words), Vocabulary.eos_id)
    start = torch.full((count,), Vocabulary.bos_id)
    steps: dict[str, tuple[nn.Module, tuple[Tensor, ...]]] = {
        "encoder": (_Encoder(model), (images,)),
        "sentence": (_Sentence(model), (mean, before, hidden, cell)),
        "word": (_Word(model), (start, gates, regions, keys, hidden, cell)),
        "embedding": (_Embedding(model), (words,)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, (module, example) in steps.items():
        batch = torch.export.Dim("batch", min=1)
        shapes = tuple({0: batch} for _ in example)
        with warnings.catch_warnings():  # PyTorch's, of how it keeps the weights of an LSTM
            warnings.simplefilter("ignore", UserWarning)
            program = torch.export.export(module.eval(), example, dynamic_shapes=shapes)
            torch.export.save(program, folder / f"{name}.pt2")
    settings = {
        "notice": notice,
        "image_size": bundle.image_size,
        "max_sentences": config.max_sentences,
        "max_words": config.max_words,
        "pad": Vocabulary.pad_id,
        "start": Vocabulary.bos_id,
        "end": Vocabulary.eos_id,
        "finding_tokens": sorted(bundle.vocabulary.finding_token_ids),
        "weights_digest": bundle.digest,
        "tokens": list(bundle.vocabulary.tokens),
    }
    text = json.dumps(settings, ensure_ascii=False, indent=1) + "\n"
    (folder / exported.SETTINGS).write_text(text, encoding="utf-8")
    shutil.copyfile(exported.__file__, folder / SCRIPT)
