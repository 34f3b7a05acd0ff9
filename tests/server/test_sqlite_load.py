"""SQLite under load, counts only: tests/bench/sqlite_load measures as well."""

import importlib.machinery
import importlib.util
import os

import pytest

pytestmark = pytest.mark.plain("about the side of the database")

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def test_four_workers_and_64_connections():
    loader = importlib.machinery.SourceFileLoader(
        "sqlite_load", os.path.join(ROOT, "bench", "sqlite_load"))
    load = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("sqlite_load", loader))
    loader.exec_module(load)
    answers, figures = load.run(3, 4, 64)
    assert len(figures["workers"]) == 4 and len(answers) > 64 * 4
