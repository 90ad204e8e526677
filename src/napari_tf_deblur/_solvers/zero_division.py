"""The number that keeps divisions and roots away from zero."""

TINY = 1e-20
"""Number that is added to a denominator, or below a root, that may be zero. Its square root
and its inverse are far inside the range of float32. Guard: against a division by zero in images
without contrast, ``tests/test_deconvolve.py``, and against an infinite slope at zero,
``tests/solvers/test_operators.py``."""
