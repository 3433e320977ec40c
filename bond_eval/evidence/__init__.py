"""Registered tables, the disclosure gate in front of them, findings, figures and the book that a notebook opens."""
