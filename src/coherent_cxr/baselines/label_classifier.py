"""Label classifier: the labels that the encoder's own classifier calls; labels only, no text."""


class LabelClassifier:
    """Marks the system in the registry: its answers are the table ``label_calls`` itself."""
