"""From images to reports: features of the encoder, decoding, sampling, attention, report generation."""
