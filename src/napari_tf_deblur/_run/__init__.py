"""One run on a whole image: trials, the search for a weight, the solver, the verdict."""
