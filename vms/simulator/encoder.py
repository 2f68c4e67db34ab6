"""Builds clips that are missing in the cache: many in parallel processes, with progress on stderr.

What draws and encodes (render) is imported where that happens only: a simulator that finds its clips needs neither
libav nor OpenCV. Blocking; nothing here is on an event loop.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from vms.simulator import clip
from vms.simulator.clip import ClipKey


def build(key: ClipKey, path: Path) -> float:
    """Draw and encode one clip to the path; seconds it took."""
    from vms.simulator.render import encode

    begun = time.monotonic()
    clip.save(path, encode(key))
    return time.monotonic() - begun


def build_missing(keys: Iterable[ClipKey], folder: Path, *, apart: bool = False) -> None:
    """Bring every clip into the cache that is not there yet. Blocks; tells on stderr what it does. `apart`: never in
    this process, which has streams to serve. BrokenProcessPool after `abandon`."""
    missing = {key: key.path(folder) for key in keys}
    missing = {key: path for key, path in missing.items() if not path.exists()}
    if not missing:
        return
    workers = min(len(missing), os.cpu_count() or 1)
    _say(f"drawing and encoding {len(missing)} scenes into {folder} (once)")
    if workers == 1 and not apart:
        for key, path in missing.items():
            build(key, path)
        return
    # the large ones first, so that the last worker does not end on one of them
    ordered = sorted(missing, key=lambda key: -key.picture.width * key.picture.height * key.picture.loop_frames)
    # not fork: the caller may have threads
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent) as pool:
        waiting = {pool.submit(build, key, missing[key]): key for key in ordered}
        for done, future in enumerate(as_completed(waiting), 1):
            key = waiting[future]
            seconds = future.result()
            size = f"{key.picture.width}x{key.picture.height}"
            _say(f"{done} of {len(missing)}: {key.scene} {size} in {seconds:.1f} s")


def abandon() -> None:
    """End the processes that are still encoding for this one, so that it can stop at once."""
    for child in multiprocessing.active_children():
        child.terminate()


def _end_with_parent() -> None:
    """A worker of a killed parent would wait for work for ever: both ends of its queue are its own."""
    threading.Thread(target=_watch_parent, daemon=True).start()


def _watch_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def _say(text: str) -> None:
    sys.stderr.write(f"simulator: {text}\n")
    sys.stderr.flush()
