"""One HTML file that runs a model in a browser: graph, runtime and sample photo are inside.

The runtime is ONNX Runtime Web, one thread, from the npm registry. LiteRT.js would make a page
that is 1 MB smaller, but it loads its parts by URL alone, which a page that is opened as a file
cannot do without changes to it; ONNX Runtime Web takes its WebAssembly as bytes.
"""

import base64
import gzip
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import skimage.data

from localizer.errors import InputError
from localizer.files.atomic_files import write_text
from localizer.files.checksums import sha256_of
from localizer.files.downloading import download
from localizer.html import inline_script, open_templates

_TEMPLATES = Path(__file__).parent / "templates"
_VERSION = "1.30.0"
RUNTIME_URL = f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{_VERSION}.tgz"
RUNTIME_SHA256 = "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71"
RUNTIME_BYTES = 33_106_585
_MODULE, _WASM = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"

_SAMPLE_WIDTH = 360
_ROWS = (
    ("photo", "Photo"),
    ("size", "Size"),
    ("label", "Label"),
    ("score", "Score"),
    ("rate", "Frames"),
    ("decode", "Decoding"),
    ("resize", "Preprocessing"),
    ("network", "Network"),
)
_MIT = (
    "MIT License: Permission is hereby granted, free of charge, to any person obtaining a copy of "
    "this software and associated documentation files (the “Software”), to deal in the Software "
    "without restriction, including without limitation the rights to use, copy, modify, merge, "
    "publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to "
    "whom the Software is furnished to do so, subject to the following conditions: The above "
    "copyright notice and this permission notice shall be included in all copies or substantial "
    "portions of the Software. THE SOFTWARE IS PROVIDED “AS IS”, WITHOUT WARRANTY OF ANY KIND, "
    "EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS "
    "FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT "
    "HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF "
    "CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE "
    "USE OR OTHER DEALINGS IN THE SOFTWARE."
)


@dataclass(frozen=True)
class Runtime:
    """ONNX Runtime Web.

    Attributes:
        module: its JavaScript module.
        wasm: its WebAssembly.
    """

    module: bytes
    wasm: bytes


def open_runtime(file=None, url=RUNTIME_URL):
    """The runtime from a package that is at hand, or else from the npm registry.

    What is downloaded is kept in `localizer/` below XDG_CACHE_HOME, or ~/.cache.

    Args:
        file: the package, `onnxruntime-web-VERSION.tgz`; None downloads it (33 MB) where it has
            not been kept.
        url: where to download it from.

    Returns:
        Runtime.

    Raises:
        InputError: `file` is missing or another file, or the download fails.
    """
    name = RUNTIME_URL.rpartition("/")[2]
    if file is None:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        file = download(
            url,
            cache / "localizer" / name,
            sha256=RUNTIME_SHA256,
            size=RUNTIME_BYTES,
            remedy=f"Or fetch {RUNTIME_URL} elsewhere and name the file with --runtime",
        )
    elif not Path(file).is_file():
        raise InputError(f"--runtime {file}: no such file; get it from {RUNTIME_URL}")
    elif sha256_of(file) != RUNTIME_SHA256:
        raise InputError(f"--runtime {file}: not {name} of {RUNTIME_URL} (its SHA-256 differs)")
    with tarfile.open(file) as archive:
        return Runtime(*(archive.extractfile(f"package/dist/{m}").read() for m in (_MODULE, _WASM)))


def write_page(graph, metadata, has_score, runtime, path):
    """Write the page.

    Args:
        graph: the model, bytes of an .onnx file.
        metadata: dict of its `describe`; what it says is shown on the page.
        has_score: whether the graph has the output `score`.
        runtime: Runtime.
        path: where to; an older file is replaced in one step.
    """
    environment = open_templates(_TEMPLATES)
    script = "\n".join(
        (_TEMPLATES / name).read_text(encoding="utf-8")
        for name in ("browser_pixels.js", "browser.js")
    )
    shown = ("name", "target", "labels", "image_size", "stored_size")
    page = environment.get_template("browser.html.j2").render(
        model={name: metadata[name] for name in shown},
        has_score=has_score,
        rows=_ROWS,
        facts=_facts(metadata),
        runtime_name=f"ONNX Runtime Web {_VERSION}",
        mit_licence=_MIT,
        sample_photo=base64.b64encode(_sample_photo()).decode(),
        graph=_packed(_byte_planes(graph)),
        runtime_module=_packed(runtime.module),
        runtime_wasm=_packed(runtime.wasm),
        **inline_script(script),
    )
    write_text(path, page)


def _facts(metadata):
    facts = {
        "Name": metadata["name"],
        "Target": metadata["target"],
        "Classes": ", ".join(metadata["labels"]),
        "Size": f"{metadata['parameters']:,} parameters, {metadata['macs'] / 1e6:.1f} million "
        "multiply-adds per photo",
        "Input": metadata["resize"],
        "Licence": metadata["licence"],
        "Training data": metadata["training_data"],
        "Trained by commit": metadata["commit"],
        "Made of": f"{metadata['source']['file']}, SHA-256 {metadata['source']['sha256']}",
    }
    return [(term, text) for term, text in facts.items() if text]


def _packed(content):
    """Text from which the page's script unpacks the bytes."""
    # Without a time, so that one model always gives the same page.
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()


def _byte_planes(content):
    """First bytes of all 4-byte words first, then the second ones ..., then the incomplete word.

    HDF5's shuffle filter: exponents of weights are alike, which gzip sees only side by side. The
    page's `interleaved` undoes it.
    """
    whole = len(content) // 4 * 4
    return b"".join(content[plane:whole:4] for plane in range(4)) + content[whole:]


def _sample_photo():
    """Chelsea, by Stéfan van der Walt (CC0), as a small JPEG."""
    photo = skimage.data.chelsea()
    height = round(photo.shape[0] * _SAMPLE_WIDTH / photo.shape[1])
    small = cv2.resize(photo, (_SAMPLE_WIDTH, height), interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 82]
    return cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), quality)[1].tobytes()
