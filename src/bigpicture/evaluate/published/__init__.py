"""The five papers' tables as data: published figures, to compare with what is measured here."""

from bigpicture.evaluate.published.lookup import Published, known_set, method_of, rows
from bigpicture.evaluate.published.read import Fact, Paper, facts, papers

__all__ = ["Fact", "Paper", "Published", "facts", "known_set", "method_of", "papers", "rows"]
