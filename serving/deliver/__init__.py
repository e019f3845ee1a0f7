"""Verdicts on their way out: who is told, in which form, and that it arrives."""
