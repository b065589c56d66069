"""schemathesis over the OpenAPI of `diptych serve`: what is described is true, and nothing breaks it.

Its own pytest plugin does not go with pytest 9, so its strategies are driven by Hypothesis here.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, seed, settings

from diptych.service.app import create_app
from diptych.service.settings import Bounds, Settings

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
schemathesis.checks.load_all_checks()

# what makes a text fit to be classified (a word in it, no NUL, one of three fields) is no matter of a JSON schema
NOT_HELD = [schemathesis.checks.CHECKS.get_one("positive_data_acceptance")]
OPERATIONS = [
    ("/v1/classify", "POST"),
    ("/v1/documents", "POST"),
    ("/v1/schema", "GET"),
    ("/v1/model", "GET"),
    ("/health", "GET"),
    ("/ready", "GET"),
    ("/metrics", "GET"),
    ("/setup", "POST"),
    ("/predict", "POST"),
    ("/webhook", "POST"),
    ("/versions", "GET"),
]


@pytest.fixture(scope="module")
def described(trained_harbour):
    inner = create_app(Settings(bounds=Bounds(documents=2)), trained_harbour)

    async def app(scope, receive, send) -> None:
        """Schemathesis calls every application "testserver"."""
        if scope["type"] == "http":
            others = [(name, value) for name, value in scope["headers"] if name != b"host"]
            scope = {**scope, "headers": [*others, (b"host", b"127.0.0.1")]}
        await inner(scope, receive, send)

    return schemathesis.openapi.from_asgi("/openapi.json", app)


def test_every_operation_is_tried(described):
    assert sorted((found.ok().path, found.ok().method.upper()) for found in described.get_all_operations()) == sorted(
        OPERATIONS
    )


CASES = [(path, method, mode) for path, method in OPERATIONS for mode in ("positive", "negative")]


@pytest.mark.parametrize(
    ("path", "method", "mode"),
    [case for case in CASES if case[1:] != ("GET", "negative")],  # nothing can be wrong with a call that takes nothing
)
def test_what_is_described_is_true(described, path, method, mode):
    cases = described[path][method].as_strategy(generation_mode=schemathesis.GenerationMode(mode))

    @seed(1)
    @settings(max_examples=30, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=cases)
    def check(case) -> None:
        case.call_and_validate(excluded_checks=NOT_HELD)

    check()
