"""The CNN-RNN-RNN report generator of Liu et al. 2019."""
