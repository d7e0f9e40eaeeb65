"""A labeller that is learnt from the labels of rules and from people's corrections."""
