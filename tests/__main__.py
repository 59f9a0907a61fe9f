"""`python -m tests [pytest arguments]`: run every lane whose tool is here, and name the others on the last lines.

With REQUIRE_LANES=1 (continuous integration) a lane that could not run is a failure, except for Docker, since an engine
with the images cannot be had everywhere, and for Node, whose packaged version may be too old.
"""

from __future__ import annotations

import os
import sys

import pytest

from tests.lanes import LANES

OPTIONAL = {"docker", "node"}


def main(arguments: list[str]) -> int:
    """Run pytest, then say what was left out and why; return the exit code."""
    code = int(pytest.main(arguments))
    absent = {lane.name: reason for lane in LANES if (reason := lane.absent())}
    for name, reason in absent.items():
        print(f"Not run: the {name} lane ({reason}).")  # noqa: T201 - this is the command's output
    if code == 0 and os.environ.get("REQUIRE_LANES") and set(absent) - OPTIONAL:
        print("A lane that must run here could not: that is a failure.")  # noqa: T201
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
