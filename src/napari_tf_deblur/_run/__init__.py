"""Run on a whole image: run trials, search for the weight, solve, and judge the result."""
