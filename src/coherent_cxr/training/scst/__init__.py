"""Self-critical sequence training (Rennie et al. 2017): reinforcement fine-tuning by rewards."""
