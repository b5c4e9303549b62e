"""`gallery`: a static web site of the questions, the examples and what was recorded of them."""

from gen_ai_examples.gallery.sphinx_site import build

__all__ = ["build"]
