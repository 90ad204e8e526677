"""Solve problems: one solver for each kind of method, all with the same interface.

A solver is a module with a function ``solve(problem, method)``. The function returns an iterator of
:class:`~.problem.Iterate`. The last iterate is the result.
"""
