"""The data sets that several tests read; the scripts are run as a user runs them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

from localizer.dataset.generation import GenerationSettings, generate_dataset
from localizer.sources.opening import open_source
from localizer.sources.oxford import oxford_pet

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
REPOSITORY = Path(__file__).resolve().parents[1]


# The same cases each time, and no limit on their time, so that a busy machine is no failure.
hypothesis.settings.register_profile(
    "project",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("project")


def pytest_collection_modifyitems(items):
    # So that no worker still has minutes to go when the other has nothing left.
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def oxford_root():
    """The folder of the real Oxford-IIIT Pet data; without them the test is skipped."""
    if not os.environ.get("OXFORD_PET_ROOT"):
        pytest.skip("needs the environment variable OXFORD_PET_ROOT")
    root = Path(os.environ["OXFORD_PET_ROOT"])
    if not any(root.glob("images/*.jpg")) or not (root / "annotations" / "list.txt").is_file():
        pytest.fail(f"OXFORD_PET_ROOT is {root}, which does not hold the data")
    return root


@pytest.fixture(scope="session")
def pet_head_dataset(oxford_root, tmp_path_factory):
    """The real photos with head boxes, 160 pixels, seed 0."""

    def read(root):
        return oxford_pet.read(root, "head")

    out = tmp_path_factory.mktemp("real") / "oxford-pet-head"
    settings = GenerationSettings(source="oxford-pet", target="head", root=oxford_root)
    return generate_dataset(read, settings, out, progress=False)


@pytest.fixture(scope="session")
def synthetic_dataset(tmp_path_factory):
    """240 drawn scenes with head boxes, 160 pixels, seed 0."""
    read, _ = open_source("synthetic", None, "head", count=240, workers=1)
    out = tmp_path_factory.mktemp("drawn") / "synthetic-head"
    settings = GenerationSettings("synthetic", "head", root=None, find_duplicates=False)
    return generate_dataset(read, settings, out, progress=False)


@pytest.fixture
def run_script(tmp_path):
    """Run a script of the repository in `tmp_path`; gives the finished process, output as text."""

    def run(script, *arguments, environment=None, **options):
        inherited = {k: v for k, v in os.environ.items() if k != "OXFORD_PET_ROOT"}
        return subprocess.run(
            [sys.executable, str(REPOSITORY / script), *map(str, arguments)],
            cwd=tmp_path,
            env=inherited | (environment or {}),
            capture_output=True,
            text=True,
            timeout=900,
            **options,
        )

    return run


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium with a camera that shows a test picture."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip(f"needs a browser on PATH: {', '.join(BROWSERS)}")
    arguments = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    # Chromium's sandbox refuses to run as root.
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=executable, args=arguments)
        yield started
        started.close()
