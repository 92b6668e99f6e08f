"""Downloads one large file: resumes, retries, and gives it its name only once it is verified.

`pooch` is not used: it starts from zero after every dropped connection (it sends no Range
request), which for a file of 800 MB on a poor line means never finishing.
"""

import hashlib
import os
import time
from pathlib import Path

import requests
import urllib3
from tqdm import tqdm

from localizer.errors import InputError

# Pauses between attempts; one attempt more than there are pauses.
RETRY_WAITS_S = (0.5, 1.0, 2.0)
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 10, 30
CHUNK_BYTES = 1 << 18


def download(url, path, *, md5=None, sha256=None, size=None, remedy="", progress=True):
    """Download `url` to `path`, or do nothing where `path` already holds the expected file.

    The bytes go to `path` + ".part", which takes the final name after all checks. With a checksum
    given, a later attempt or call continues at the end of that file; without one nothing could
    tell that both halves are of the same file, so it starts from zero. Proxies and certificates
    come from the environment, as `requests` documents.

    Args:
        url: http or https address.
        path: where the file shall be; missing folders are made.
        md5, sha256: expected checksums, hexadecimal.
        size: expected size in bytes.
        remedy: sentence that ends the message when the download fails: the user's other ways out.
        progress: show bytes, rate and time left on stderr.

    Returns:
        `path` as a Path.

    Raises:
        InputError: the server cannot be reached, answers with an error or another file; the disk
            is full or not writable; or `path` is there already and is another file (it is kept).
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    checksums = {name: value for name, value in (("md5", md5), ("sha256", sha256)) if value}
    try:
        if path.exists():
            if problem := _mismatch(path, checksums, size):
                raise InputError(f"{path}: {problem}. Delete it or put the right file there.")
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        _fill_with_retries(url, part, size, bool(checksums), progress)
        if problem := _mismatch(part, checksums, size):
            part.unlink()
            raise InputError(f"{url}: {problem}; what was downloaded is deleted. {remedy}".strip())
        os.replace(part, path)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        kept = _kept(part) if checksums else ""
        message = f"{url}: cannot be downloaded ({_reason(error)}). {kept}{remedy}"
        raise InputError(message.strip()) from None
    except OSError as error:
        kept = _kept(part) if checksums else ""
        message = f"{url}: cannot be saved as {path} ({error.strerror or error}). {kept}{remedy}"
        raise InputError(message.strip()) from None
    return path


def _fill_with_retries(url, part, size, resume, progress):
    for wait_s in (*RETRY_WAITS_S, None):
        try:
            return _fill(url, part, size, resume, progress)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            if wait_s is None or not _is_passing(error):
                raise
        time.sleep(wait_s)


def _fill(url, part, size, resume, progress):
    """One attempt: append what is missing to `part`, or write it anew."""
    offset = part.stat().st_size if resume and part.exists() else 0
    if offset and offset == size:
        return
    # Identity, and no decoding below: the checksum and the offsets are those of the stored file,
    # which some servers label "Content-Encoding: gzip" because of its name.
    headers = {"Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    timeout = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
    with requests.get(url, headers=headers, stream=True, timeout=timeout) as response:
        if response.status_code == 416:
            if response.headers.get("Content-Range") == f"bytes */{offset}":
                return
            part.unlink(missing_ok=True)
            raise requests.ConnectionError("the server has fewer bytes than the file kept so far")
        response.raise_for_status()
        # 200 in reply to a Range request: the server ignored it and sends the whole file.
        offset = offset if response.status_code == 206 else 0
        total = _announced_bytes(response, offset)
        if None not in (size, total) and total != size:
            # Likely a login or error page; the part may hold most of the true file, so leave it.
            raise requests.RequestException(f"the answer has {total:,} bytes, not {size:,}")
        bar = tqdm(
            desc=part.stem,
            total=total or size,
            initial=offset,
            disable=not progress,
            unit="B",
            unit_scale=True,
            unit_divisor=1024,
        )
        with bar, open(part, "ab" if offset else "wb") as file:
            for chunk in response.raw.stream(CHUNK_BYTES, decode_content=False):
                file.write(chunk)
                bar.update(len(chunk))


def _announced_bytes(response, offset):
    length = response.headers.get("Content-Length", "")
    return offset + int(length) if length.isdigit() else None


def _mismatch(path, checksums, size):
    """What is wrong with the file, or None."""
    actual_size = path.stat().st_size
    if size is not None and actual_size != size:
        return f"{actual_size:,} bytes instead of {size:,}"
    for name, expected in checksums.items():
        with open(path, "rb") as file:
            actual = hashlib.file_digest(file, name).hexdigest()
        if actual != expected.lower():
            return f"{name} is {actual} instead of {expected}"
    return None


def _is_passing(error):
    """Whether another attempt may succeed: dropped or refused connections, busy servers."""
    if isinstance(error, requests.HTTPError):
        return error.response.status_code == 429 or error.response.status_code >= 500
    lost = (requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError)
    return isinstance(error, lost)


def _reason(error):
    """The cause in one line, without requests' and urllib3's wrapping."""
    if isinstance(error, requests.HTTPError):
        return f"the server answered {error.response.status_code} {error.response.reason}"
    inner = error.args[0] if error.args else error
    return getattr(inner, "reason", None) or inner


def _kept(part):
    """A sentence on the part that a next run continues from, or nothing where there is none."""
    if not part.is_file() or part.stat().st_size == 0:
        return ""
    return f"{part.stat().st_size:,} bytes are kept in {part}; the next run continues from there. "
