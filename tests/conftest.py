"""What all tests share: Hypothesis profiles, `--shard`, and no skipping where everything must be there.

Under VMS_NO_SKIP (set by `make test`) a test that skips itself because a server or browser is missing fails instead.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator

import pytest
import structlog
from hypothesis import HealthCheck, settings

settings.register_profile(
    "vms", deadline=None, derandomize=True, max_examples=100, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("vms")
# The default draws a traceback with every local variable: more than a second on the loop for each service that fails.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--shard 2/4`: only the second of four parts of what is selected."""
    parser.addoption("--shard", default="", metavar="I/N", help="run only part I of N, by the hash of the test's name")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of the shard; the same test is always in the same one."""
    shard = str(config.getoption("--shard"))
    if not shard:
        return
    part, _, parts = shard.partition("/")
    if not (part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise pytest.UsageError(f"--shard {shard!r} is not I/N with 1 <= I <= N")

    def kept(item: pytest.Item) -> bool:
        return int(hashlib.sha256(item.nodeid.encode()).hexdigest(), 16) % int(parts) == int(part) - 1

    config.hook.pytest_deselected(items=[item for item in items if not kept(item)])
    items[:] = [item for item in items if kept(item)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skip is a failure under VMS_NO_SKIP."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("VMS_NO_SKIP"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but nothing may be missing here: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a module that skips itself whole."""
    report = yield
    if report.skipped and os.environ.get("VMS_NO_SKIP"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but nothing may be missing here: {report.longrepr}"
    return report
