"""How noise is told from the image: differences, blocks, a line through both."""
