"""A pretrained image encoder: one or several label classifiers of the same architecture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

from coherent_cxr.models.image_encoder.backbone import Backbone, LabelClassifier


class PretrainedEncoder(NamedTuple):
    """Trained label classifiers; the first one's backbone is the generator's encoder.

    Attributes:
        encoder: Name of the encoder.
        members: State of each :class:`~coherent_cxr.models.image_encoder.backbone.LabelClassifier`.
    """

    encoder: str
    members: Sequence[Mapping[str, Tensor]]

    def backbone_state(self) -> dict[str, Tensor]:
        """Return the state of the first member's backbone."""
        prefix = "backbone."
        return {
            name.removeprefix(prefix): value
            for name, value in self.members[0].items()
            if name.startswith(prefix)
        }

    def head_state(self) -> dict[str, Tensor]:
        """Return the state of the first member's linear classifier of the observations."""
        return {name: self.members[0][f"head.{name}"] for name in ("weight", "bias")}

    def backbone(self) -> Backbone:
        """Return the first member's backbone, in evaluation mode on the CPU."""
        backbone = Backbone(self.encoder)
        backbone.load_state_dict(self.backbone_state())
        return backbone.eval()

    def classifiers(self) -> list[LabelClassifier]:
        """Return all members, in evaluation mode on the CPU."""
        classifiers = []
        for state in self.members:
            classifier = LabelClassifier(len(state["head.bias"]), Backbone(self.encoder))
            classifier.load_state_dict(dict(state))
            classifiers.append(classifier.eval())
        return classifiers

    def to_tensors(self) -> dict[str, Tensor]:
        """Return everything as named tensors: ``<encoder>/<member>/<name>``."""
        return {
            f"{self.encoder}/{member}/{name}": value
            for member, state in enumerate(self.members)
            for name, value in state.items()
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> PretrainedEncoder:
        """Read what :meth:`to_tensors` returned.

        Raises:
            ValueError: If the names do not have that form; the message says what to do.
        """
        members: dict[int, dict[str, Tensor]] = {}
        encoders = set()
        for name, value in tensors.items():
            encoder, _, rest = name.partition("/")
            member, _, parameter = rest.partition("/")
            if not (member.isdecimal() and parameter):
                raise ValueError(
                    f"'{name[:100]}' is no weight of a pretrained encoder. It may come from an earlier "
                    "version: run the pipeline encoder_pretraining again."
                )
            encoders.add(encoder)
            members.setdefault(int(member), {})[parameter] = value
        if len(encoders) != 1:
            raise ValueError(
                f"A pretrained encoder has one architecture, these tensors name {sorted(encoders)}; run the "
                "pipeline encoder_pretraining again."
            )
        return cls(encoders.pop(), [members[member] for member in sorted(members)])
