"""Rewards of the reinforcement stage, as pure functions."""
