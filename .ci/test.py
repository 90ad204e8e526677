"""Set everything up and run the tests, under a virtual screen where there is no display.

Arguments are passed on to pytest: ``python3 .ci/test.py tests/test_psf.py``.
"""

from __future__ import annotations

import sys

import environment

EVERYTHING = ["-n", "2", "--dist", "worksteal"]
"""The whole suite in two processes, in order, so that neighbours share what they compile."""


def main() -> int:
    try:
        python = environment.prepare(groups=("test",))
    except environment.SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    environment.say("running the tests")
    return environment.run([str(python), "-m", "pytest", *(sys.argv[1:] or EVERYTHING)])


if __name__ == "__main__":
    sys.exit(main())
