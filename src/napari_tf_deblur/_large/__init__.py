"""Images larger than memory: their pieces, who computes them, and where results are written."""
