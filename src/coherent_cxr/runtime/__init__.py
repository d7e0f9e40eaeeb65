"""The process that a run is: its cores, ranks and children, signals, pace, and the code it runs."""
