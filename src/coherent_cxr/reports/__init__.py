"""Report text: cleaning, sentences, tokens, vocabulary, splits."""
