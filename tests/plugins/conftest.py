"""The examples of docs/own_parts.md as files, and doors that close again after a test."""

import re
from contextlib import ExitStack
from unittest.mock import patch

import pytest

from localizer import plugins
from localizer.plugins import plugin_file
from tests.conftest import REPOSITORY

REGISTRIES = (
    plugins.BACKBONES,
    plugins.BOX_LOSSES,
    plugins.HEADS,
    plugins.PREDICTORS,
    plugins.SOURCES,
)


@pytest.fixture(autouse=True)
def closed_doors():
    """What a test registers is gone after it."""
    with ExitStack() as stack:
        for registry in REGISTRIES:
            stack.enter_context(patch.dict(registry._own))
        stack.enter_context(patch.object(plugin_file, "_loaded", []))
        yield


@pytest.fixture
def example(tmp_path):
    """Write an example of docs/own_parts.md as a file, by its name there, and give its path."""
    page = (REPOSITORY / "docs/own_parts.md").read_text("utf-8")
    blocks = dict(re.findall(r"^```python (\w+\.py)\n(.*?)^```", page, re.M | re.S))

    def write(name):
        path = tmp_path / name
        path.write_text(blocks[name], encoding="utf-8")
        return path

    return write
