"""Set everything up and build the documentation as static pages, in ``docs/_build/html``.

python3 .ci/docs.py               # build; warnings are errors; check the links within the site
python3 .ci/docs.py linkcheck     # ask the servers of outside links, too; needs a network
"""

from __future__ import annotations

import shutil
import subprocess
import sys

import environment

DOCS = environment.CHECKOUT / "docs"


def main() -> int:
    try:
        python = environment.prepare(groups=("docs",))
    except environment.SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return build(str(python), ["html", *sys.argv[1:]])


def build(python: str, builders: list[str]) -> int:
    """Build with a Python that has the group ``docs``; return the first exit code that is not 0."""
    for builder in builders:
        environment.say(f"building the documentation: {builder}")
        built = DOCS / "_build" / builder
        shutil.rmtree(built, ignore_errors=True)  # pages that are gone would stay
        sphinx = [python, "-m", "sphinx", "--builder", builder, "--fail-on-warning"]
        sphinx += [
            "--keep-going",
            "--fresh-env",
            "--doctree-dir",
            str(DOCS / "_build" / "doctrees"),
        ]
        commands = [[*sphinx, str(DOCS), str(built)]]
        if builder == "html":
            commands.append([python, str(DOCS / "scripts" / "check_links.py"), str(built)])
        for command in commands:
            code = subprocess.run(command, cwd=environment.CHECKOUT, check=False).returncode
            if code:
                return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
