"""Adds up the JUnit files of several pytest runs and prints one closing line; fails where nothing ran or a test failed.

tools/tally.py FILE…
"""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree as ET


def main(paths: list[str]) -> int:
    """Print `N passed, N failed, N skipped`; 0 only where at least one passed and none failed."""
    tests = failed = skipped = 0
    for path in paths:
        for suite in ET.parse(Path(path)).getroot().iter("testsuite"):
            tests += int(suite.get("tests", 0))
            failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped += int(suite.get("skipped", 0))
    passed = tests - failed - skipped
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 0 if passed > 0 and failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
