"""Brings the official Oxford-IIIT Pet archives into the folder layout that they unpack to.

O. M. Parkhi, A. Vedaldi, A. Zisserman, C. V. Jawahar, "Cats and Dogs", CVPR 2012;
https://www.robots.ox.ac.uk/~vgg/data/pets/ (CC BY-SA 4.0; the photos stay their owners').
"""

import os
import shutil
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from localizer.errors import InputError
from localizer.files.downloading import download

OFFICIAL_URL = "https://www.robots.ox.ac.uk/~vgg/data/pets/data/"

# The official archives hold less than 1 GB. More than this is not them, whatever they claim.
MAX_EXTRACTED_BYTES = 2 * 1024**3
TAR_HEADER_BYTES = 512


@dataclass(frozen=True)
class Archive:
    """A .tar.gz file that unpacks to one folder.

    Attributes:
        name: file name, `FOLDER.tar.gz`.
        md5: checksum, hexadecimal.
        size: bytes.
        proof: pattern below the root that matches a file once the archive is unpacked.
    """

    name: str
    md5: str
    size: int
    proof: str

    @property
    def folder(self):
        return self.name.removesuffix(".tar.gz")


# The small one first: what fails, fails early.
ARCHIVES = (
    Archive(
        "annotations.tar.gz", "95a8c909bbe2e81eed6a22bccdf3f68f", 19_173_078, "annotations/list.txt"
    ),
    Archive("images.tar.gz", "5c4f3ee8e5d25df40f4fd59a7f44e54c", 791_918_971, "images/*.jpg"),
)


def is_present(root):
    """Whether `root` holds the official layout: photos in images/, and annotations/list.txt."""
    return all(_is_unpacked(Path(root), archive) for archive in ARCHIVES)


def fetch(root, base_url=OFFICIAL_URL, progress=True, archives=ARCHIVES):
    """Make `root` hold images/*.jpg and annotations/{list,trainval,test}.txt, xmls/, trimaps/.

    What is there already is not touched. An archive that lies in `root` or `root`/archives is
    used after its md5 was checked; one that is missing is downloaded to `root`/archives (811 MB in
    all, and as much again unpacked). A folder appears only when it is complete: an interrupted
    run goes on where it stopped.

    Args:
        root: folder, made if missing.
        base_url: address of the folder on the server that holds the archives.
        progress: show bytes, rate and time left on stderr.
        archives: the Archive objects to fetch.

    Raises:
        InputError: no network, a wrong, damaged or hostile archive, a full or read-only disk.
    """
    root = Path(root)
    remedy = (
        "Without a network, put the official layout (images/ and annotations/) into a folder and "
        "name it by --root DIR or OXFORD_PET_ROOT, or put "
        f"{' and '.join(sorted(archive.name for archive in archives))} into {root}."
    )
    for archive in archives:
        if _is_unpacked(root, archive):
            continue
        path = root / archive.name
        if not path.exists():
            path = root / "archives" / archive.name
        url = f"{base_url.rstrip('/')}/{archive.name}"
        download(url, path, md5=archive.md5, size=archive.size, remedy=remedy, progress=progress)
        _unpack(path, root, archive, progress)


def _is_unpacked(root, archive):
    return any(root.glob(archive.proof))


def _unpack(path, root, archive, progress):
    """Unpack into a hidden folder of `root`, and rename the result once it is complete."""
    target = root / archive.folder
    scratch = root / f".{archive.folder}.part"
    try:
        if target.exists():
            _remove_empty(target, archive)
        if scratch.exists():
            shutil.rmtree(scratch)
        scratch.mkdir()
        _extract_members(path, scratch, progress)
        if not _is_unpacked(scratch, archive):
            raise InputError(f"{path}: holds no {archive.proof}: not the official archive")
        os.replace(scratch / archive.folder, target)
    except (tarfile.TarError, EOFError, zlib.error, ValueError) as error:
        message = f"{path}: cannot be unpacked ({error}). Delete it to have it downloaded again."
        raise InputError(message) from None
    except OSError as error:
        raise InputError(f"{root}: cannot unpack {path.name} there ({error})") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _remove_empty(target, archive):
    if not target.is_dir() or any(target.iterdir()):
        raise InputError(
            f"{target}: is there but holds no {archive.proof.split('/')[1]}. Complete it, or move "
            f"it away to have {archive.name} unpacked."
        )
    target.rmdir()


def _extract_members(path, folder, progress):
    total_bytes = 0
    with (
        open(path, "rb") as raw,
        tqdm.wrapattr(
            raw,
            "read",
            total=path.stat().st_size,
            desc=f"unpacking {path.name}",
            disable=not progress,
        ) as file,
        tarfile.open(fileobj=file, mode="r:gz") as tar,
    ):
        for member in tar:
            _refuse_hostile(path, member)
            # Headers count too: a million empty files are a bomb as well.
            total_bytes += member.size + TAR_HEADER_BYTES
            if total_bytes > MAX_EXTRACTED_BYTES:
                raise InputError(f"{path}: unpacks to more than {MAX_EXTRACTED_BYTES:,} bytes")
            tar.extract(member, folder, filter="data")


def _refuse_hostile(path, member):
    """InputError for what the data set never has and filter="data" lets pass in part.

    The filter accepts links that stay inside, and strips the leading `/` of absolute names
    (https://docs.python.org/3/library/tarfile.html#tarfile.data_filter).
    """
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise InputError(f"{path}: refused, {member.name!r} points outside the folder")
    if not (member.isreg() or member.isdir()):
        raise InputError(f"{path}: refused, {member.name!r} is a link or a device, not a file")
