"""The running process: cores, ranks, child processes, signals, checkpoint times, code digests."""
