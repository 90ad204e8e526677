"""Open napari on a blurred sample and deblur it: one command from a clean checkout.

    python3 examples/start.py

It makes a virtual environment in ``.venv``, installs this package with napari and
TensorFlow into it, and runs ``deblur_a_sample.py``. Without a display, it runs
on a virtual screen and saves pictures of it in ``deblurred``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT / ".ci"))

import environment  # noqa: E402  (found through the line above)


def main() -> int:
    try:
        python = environment.prepare()
    except environment.SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    # Without a graphics processor, TensorFlow reports an error that does not matter.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    command = [str(python), str(CHECKOUT / "examples" / "deblur_a_sample.py")]
    if environment.has_display():
        environment.say("opening napari; close its window to end")
    else:
        environment.say("there is no display: using a virtual screen")
        command += ["--screenshot", str(CHECKOUT / "deblurred")]
    return environment.run(command)


if __name__ == "__main__":
    sys.exit(main())
