"""Many files: found, opened, deblurred one after another, saved, and reported."""
