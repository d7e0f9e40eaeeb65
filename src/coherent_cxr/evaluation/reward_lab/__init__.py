"""The reward lab: which rewards prefer a wrong report, told before anyone trains on them."""
