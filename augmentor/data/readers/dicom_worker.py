"""Pixels decoded in a process of its own, for decoders that end the process on damaged bytes.

GDCM, the one decoder of lossless JPEG with a permissive licence, does. The process is kept for the files that
follow, and started again where it ended.
"""

from __future__ import annotations

import atexit
import io
import os
import subprocess
import sys
import threading
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from augmentor.data.readers.scan import Untyped

SECONDS: Final = 60.0
"""Longest time for one file."""


class DecoderStopped(Exception):  # noqa: N818 - becomes a reason
    """The decoder ended, or was ended, at this file."""


class _Worker:
    """The process, if any; one file at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def decode(self, data: bytes, plugin: str, frames: int) -> npt.NDArray[Any]:
        with self._lock:
            process = self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            timer = threading.Timer(SECONDS, process.kill)
            timer.start()
            try:
                _send(process.stdin, plugin.encode(), frames.to_bytes(4, "little"), data)
                said, body = _receive(process.stdout), _receive(process.stdout)
            except (OSError, EOFError) as error:
                self.stop()
                raise DecoderStopped("its pixels are damaged: the decoder stopped at them") from error
            finally:
                timer.cancel()
        if said != b"done":
            raise ValueError(body.decode("utf-8", errors="replace"))
        return np.asarray(np.load(io.BytesIO(body), allow_pickle=False))

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def _started(self) -> subprocess.Popen[bytes]:
        # After a fork the pipes are those of the parent, which goes on using them.
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            self.stop()
            self._owner = os.getpid()
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, and this module
                [sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        return self._process


_WORKER = _Worker()
atexit.register(_WORKER.stop)


def decoded_apart(dataset: Untyped, plugin: str, frames: int) -> npt.NDArray[Any]:
    """Return the first ``frames`` frames of a dataset, decoded by a plugin of pydicom in another process.

    Raises:
        DecoderStopped: if the decoder ended.
        ValueError: with what it said, where it could not decode them.
    """
    from pydicom.dataset import Dataset

    out, small = io.BytesIO(), Dataset()
    for name in _NEEDED:
        if name in dataset:
            small[name] = dataset[name]
    small.file_meta = dataset.file_meta
    small.save_as(out, enforce_file_format=True)
    return _WORKER.decode(out.getvalue(), plugin, frames)


_NEEDED: Final = (
    *("SOPClassUID", "SOPInstanceUID", "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel"),
    *("PhotometricInterpretation", "PlanarConfiguration", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "PixelData"),
)
"""What decoding needs; what names the patient does not leave the reader."""


def _send(pipe: IO[bytes], *parts: bytes) -> None:
    for part in parts:
        pipe.write(len(part).to_bytes(8, "little") + part)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> bytes:
    head = pipe.read(8)
    if len(head) < 8:
        raise EOFError
    length = int.from_bytes(head, "little")
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return data


def serve(inward: IO[bytes], outward: IO[bytes]) -> None:
    """Decode what comes in until it ends."""
    import pydicom
    from pydicom.pixels import pixel_array

    while True:
        try:
            plugin, frames, data = (_receive(inward) for _ in range(3))
        except EOFError:
            return
        try:
            dataset = pydicom.dcmread(io.BytesIO(data))
            n = int.from_bytes(frames, "little")
            if n == int(dataset.get("NumberOfFrames") or 1):
                x = pixel_array(dataset, decoding_plugin=plugin.decode())
            else:
                x = np.stack(
                    [pixel_array(dataset, index=k, decoding_plugin=plugin.decode()) for k in range(n)]
                )
        except Exception as error:  # decoders raise almost anything on damaged bytes
            _send(outward, b"failed", str(error).encode())
            continue
        out = io.BytesIO()
        np.save(out, x)
        _send(outward, b"done", out.getvalue())


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
