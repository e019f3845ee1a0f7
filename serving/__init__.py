"""Brings studies in and verdicts out."""
