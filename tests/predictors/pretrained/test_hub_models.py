"""Finding pretrained models by name: a folder, kagglehub's cache, and what is said without them."""

import sys
from pathlib import Path

import pytest

from localizer.errors import InputError
from localizer.predictors.loading import expand, load_predictor
from localizer.predictors.pretrained import hub_models
from localizer.predictors.pretrained.hub_models import HUB_MODELS, find_hub_model, hub_model
from localizer.predictors.pretrained.opening import open_pretrained
from tests.predictors.pretrained.hub_graphs import four_outputs, save_openimages_module, to_tflite


@pytest.fixture(autouse=True)
def hub(tmp_path, monkeypatch):
    """An empty LOCALIZER_HUB, an empty cache, and no kagglehub."""
    (tmp_path / "hub").mkdir()
    monkeypatch.setenv("LOCALIZER_HUB", str(tmp_path / "hub"))
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "cache"))
    # What Python itself puts there for a package that cannot be imported.
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    return tmp_path / "hub"


def test_the_table_is_consistent():
    names = [model.name for model in HUB_MODELS]
    assert len(set(names)) == len(names)
    for model in HUB_MODELS:
        assert model.notes and model.stand_in in (None, *names)
        assert all(len(digest) == 64 for digest in model.sha256)
        # <owner>/<model>/<framework>/<variation>/<version>, as kagglehub parses it.
        assert model.handle is None or model.handle.count("/") == 4


@pytest.mark.parametrize(
    "name",
    [
        "hub:mobile_object_localizer_v1",
        "hub:google/object_detection/mobile_object_localizer_v1",
        "hub:https://tfhub.dev/google/object_detection/mobile_object_localizer_v1/1",
    ],
)
def test_names(name):
    assert hub_model(name).name == "mobile_object_localizer_v1"


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match="hub:yolo: no such model.*hub:mobile_object_localizer_v1"):
        load_predictor("hub:yolo", None)


def test_a_missing_model_names_three_ways(hub):
    with pytest.raises(InputError) as error:
        load_predictor("hub:mobile_object_localizer_v1", None)
    message = str(error.value)
    for part in (
        "put mobile_object_localizer_v1.tflite into the folder that LOCALIZER_HUB names",
        f"(now {hub})",
        "detector:FILE.tflite",
        "pip install kagglehub",
        "google/mobile-object-localizer-v1/tfLite/default/1",
    ):
        assert part in message


def test_a_model_without_a_handle_names_where_it_is_kept(monkeypatch):
    monkeypatch.delenv("LOCALIZER_HUB")
    with pytest.raises(InputError, match=r"from https://.*fp16.tflite.*LOCALIZER_HUB.*\(not set\)"):
        load_predictor("hub:openimages_v4_ssd_mobilenet_v2_24class", None)


def test_taken_from_the_folder_with_a_warning_of_another_file(hub, capsys):
    to_tflite(four_outputs, hub / "mobile_object_localizer_v1.tflite", 8, 8, 3)
    detector = load_predictor("hub:mobile_object_localizer_v1", None)
    assert detector.name == "mobile_object_localizer_v1"
    assert "sha256 differs" in detector.notes[1] and "whole objects" in detector.notes[0]
    assert "warning: mobile_object_localizer_v1.tflite is another file" in capsys.readouterr().err


def test_a_known_file_is_known_by_its_path(tmp_path):
    path = to_tflite(four_outputs, tmp_path / "ssdlite_mobiledet_pet_heads.tflite", 8, 8, 3)
    detector = load_predictor(f"detector:{path}", None)
    assert detector.name == "ssdlite_mobiledet_pet_heads"
    assert detector.seen_categories == {"Abyssinian", "american_bulldog"}
    assert detector.notes[0] == "boxes heads"


def test_stand_in_only_without_the_real_one(hub):
    asked = hub_model("openimages_v4_ssd_mobilenet_v2")
    (hub / "openimages_v4_ssd_mobilenet_v2_24class.tflite").write_bytes(b"")
    model, path = find_hub_model(asked)
    assert model.name == "openimages_v4_ssd_mobilenet_v2_24class" and path.suffix == ".tflite"
    # A folder without a model in it is no model.
    (hub / "openimages_v4_ssd_mobilenet_v2").mkdir()
    assert find_hub_model(asked)[0].name == "openimages_v4_ssd_mobilenet_v2_24class"
    save_openimages_module(hub / "openimages_v4_ssd_mobilenet_v2")
    assert find_hub_model(asked) == (asked, hub / "openimages_v4_ssd_mobilenet_v2")
    assert load_predictor("hub:openimages_v4_ssd_mobilenet_v2", None).name == asked.name


def test_the_labeler_is_no_localizer(hub):
    with pytest.raises(InputError, match="classifier and has no boxes.*crop_labels"):
        load_predictor("hub:mobile_object_labeler_v1", None)
    with pytest.raises(InputError, match="has no boxes"):
        open_pretrained(f"detector:{hub}/mobile_object_labeler_v1.tflite")


def test_all_hub_is_what_is_there(hub, capsys):
    (hub / "mobile_object_localizer_v1.tflite").write_bytes(b"")
    (hub / "mobile_object_labeler_v1.tflite").write_bytes(b"")
    assert expand(["runs/a", "all-hub", "baseline:mean"]) == [
        "runs/a",
        "hub:mobile_object_localizer_v1",
        "baseline:mean",
    ]
    told = capsys.readouterr().err
    assert "left out: hub:openimages_v4_ssd_mobilenet_v2: not found. To get it" in told
    assert "localizer_v1" not in told and "labeler" not in told
    # Named twice, a model would be scored twice.
    named = "hub:mobile_object_localizer_v1"
    assert expand([named, "all-hub"]) == [named]
    assert expand(["baseline:mean"]) == ["baseline:mean"]


def test_all_hub_without_any():
    with pytest.raises(InputError, match="none of the pretrained detectors"):
        expand(["all-hub"])


@pytest.fixture
def kagglehub(monkeypatch):
    """The real package, with no way to the network."""
    monkeypatch.delitem(sys.modules, "kagglehub")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    return pytest.importorskip("kagglehub")


def test_kagglehub_finds_its_cache_where_this_looks(kagglehub, tmp_path):
    asked = hub_model("mobile_object_localizer_v1")
    folder = tmp_path / "cache" / "models" / asked.handle
    folder.mkdir(parents=True)
    (folder / "1.tflite").write_bytes(b"")
    # kagglehub's own mark of a finished download.
    (folder.parent / "1.complete").touch()
    assert find_hub_model(asked) == (asked, folder / "1.tflite")
    assert Path(kagglehub.model_download(asked.handle)) == folder
    assert hub_models._download(asked) == folder / "1.tflite"


def test_a_failed_download_says_why_and_what_else(kagglehub):
    with pytest.raises(InputError, match="kagglehub cannot download it.*To get it: put"):
        load_predictor("hub:mobile_object_localizer_v1", None)
