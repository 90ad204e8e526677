"""One solver for each kind of method, all with the same door.

A solver is a function ``solve(problem, method)``. It gives an iterator of
:class:`~.problem.Iterate`, the last of which is the result.
"""
