"""Finds quality: reads a study, plans, measures, judges, and writes the QcReport."""
