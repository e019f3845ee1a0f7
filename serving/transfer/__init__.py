"""How studies come in and images go out: one file for each protocol, all of them ending at the one door of `serving/intake.py`."""
