"""What every Store does, whatever it stands on. Subclass with a fixture `store`."""

from __future__ import annotations

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vms.errors import InputError, ObjectChecksumError, ObjectError, ObjectMissingError
from vms.objects.base import ObjectStore

KEY = "footage/site/camera/main/2026/11/24/07/1795504224450-run.mp4"
META = {"version": "1", "start-ns": "1795504224450972419", "camera-name": "Pasar%20Besar"}
TYPE = "video/mp4"


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


class StoreContract:
    """Inherited by the tests of each Store."""

    def test_put_file_and_read_back(self, store: ObjectStore, tmp_path: Path) -> None:
        """Bytes, size, digest and metadata come back as they were given, and the file is left alone."""
        data = os.urandom(300_000)
        path = tmp_path / "segment.mp4"
        path.write_bytes(data)
        put = store.put_file(KEY, path, sha256=digest(data), metadata=META, content_type=TYPE)
        info = store.stat(KEY)
        for one in (put, info):
            assert (one.key, one.size_bytes, one.sha256, dict(one.metadata)) == (KEY, 300_000, digest(data), META)
        assert info.modified_ns > 1_700_000_000 * 10**9
        assert store.get(KEY) == data
        assert path.read_bytes() == data

    def test_the_file_may_go_afterwards(self, store: ObjectStore, tmp_path: Path) -> None:
        """Once put, an object does not need the file it came from."""
        path = tmp_path / "segment.mp4"
        path.write_bytes(b"footage")
        store.put_file(KEY, path, sha256=digest(b"footage"), metadata={}, content_type=TYPE)
        path.unlink()
        assert store.get(KEY) == b"footage"

    @pytest.mark.parametrize(
        ("offset", "length", "expected"),
        [
            (0, None, b"0123456789"),
            (0, 4, b"0123"),
            (3, 4, b"3456"),
            (7, None, b"789"),
            (8, 100, b"89"),
            (10, 5, b""),
            (99, None, b""),
            (5, 0, b""),
        ],
    )
    def test_ranges(self, store: ObjectStore, offset: int, length: int | None, expected: bytes) -> None:
        """Half-open, short at the end of the object, empty beyond it."""
        store.put_bytes("a/b", b"0123456789", metadata={}, content_type=TYPE)
        assert store.get("a/b", offset, length) == expected

    def test_empty_object(self, store: ObjectStore) -> None:
        """No bytes are bytes too."""
        store.put_bytes("empty", b"", metadata={}, content_type=TYPE)
        assert store.get("empty") == b""
        assert store.stat("empty").size_bytes == 0

    def test_missing(self, store: ObjectStore) -> None:
        """What is not there is said by one error; removing it is none."""
        for read in (store.get, store.stat):
            with pytest.raises(ObjectMissingError):
                read("footage/none")
        with pytest.raises(ObjectMissingError):
            store.get("footage/none", 3, 0)
        store.delete("footage/none")

    def test_put_again(self, store: ObjectStore) -> None:
        """The same again is harmless; other bytes replace."""
        for data in (b"one", b"one", b"two, and longer"):
            store.put_bytes(KEY, data, metadata={"n": str(len(data))}, content_type=TYPE)
            assert store.get(KEY) == data
            assert (store.stat(KEY).sha256, store.stat(KEY).metadata) == (digest(data), {"n": str(len(data))})
        assert [info.key for info in store.list("")] == [KEY]

    def test_put_the_same_file_again(self, store: ObjectStore, tmp_path: Path) -> None:
        """An upload that is repeated after a crash between its steps changes nothing."""
        path = tmp_path / "segment.mp4"
        path.write_bytes(b"footage" * 1000)
        for _ in range(3):
            store.put_file(KEY, path, sha256=digest(path.read_bytes()), metadata=META, content_type=TYPE)
        assert store.get(KEY) == path.read_bytes()
        assert [info.key for info in store.list("")] == [KEY]

    def test_list_by_prefix(self, store: ObjectStore) -> None:
        """Any prefix, in the order of the keys as text, and from a key on."""
        keys = sorted(["a-b", "a.b", "a/b", "a/c/d", "a/c-d", "a0", "b/a", "b/a-1/x", "b/ab/x", "b/b"])
        for key in reversed(keys):
            store.put_bytes(key, key.encode(), metadata={}, content_type=TYPE)
        found = list(store.list(""))
        assert [info.key for info in found] == keys
        assert all(info.size_bytes == len(info.key) for info in found)
        for prefix in ("a", "a/", "a/c", "b/a", "b/a/", "none"):
            assert [info.key for info in store.list(prefix)] == [key for key in keys if key.startswith(prefix)]
        for after in ("a/b", "a/c", "a/c/d", "a.", "b/a-0", "zz"):
            assert [info.key for info in store.list("", start_after=after)] == [key for key in keys if key > after]
        assert [info.key for info in store.list("b/", start_after="b/a-1/x")] == ["b/ab/x", "b/b"]

    def test_delete(self, store: ObjectStore) -> None:
        """Only that object goes; its folder can be used again."""
        for key in ("x/y/one", "x/y/one-more", "x/y/one.z"):
            store.put_bytes(key, b"1", metadata={}, content_type=TYPE)
        store.delete("x/y/one")
        assert [info.key for info in store.list("x/")] == ["x/y/one-more", "x/y/one.z"]
        store.delete("x/y/one-more")
        store.delete("x/y/one.z")
        assert list(store.list("")) == []
        store.put_bytes("x/y/one", b"2", metadata={}, content_type=TYPE)
        assert store.get("x/y/one") == b"2"

    def test_wrong_digest_leaves_nothing(self, store: ObjectStore, tmp_path: Path) -> None:
        """A file that is not what was described is not kept."""
        path = tmp_path / "segment.mp4"
        path.write_bytes(b"flipped bit")
        with pytest.raises(ObjectChecksumError):
            store.put_file(KEY, path, sha256=digest(b"footage"), metadata={}, content_type=TYPE)
        assert list(store.list("")) == []
        with pytest.raises(ObjectMissingError):
            store.stat(KEY)

    def test_a_file_that_is_not_there(self, store: ObjectStore, tmp_path: Path) -> None:
        """Said plainly, and nothing is kept."""
        with pytest.raises(ObjectError, match="is not there"):
            store.put_file(KEY, tmp_path / "none", sha256=digest(b""), metadata={}, content_type=TYPE)
        assert list(store.list("")) == []

    @pytest.mark.parametrize(
        "key",
        ["", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", ".", "a b", "a\\b", "a~", "ü", "a\0", "a" * 600, "a\n"],
    )
    def test_keys_are_checked(self, store: ObjectStore, key: str, tmp_path: Path) -> None:
        """No key leaves the Store, or means different things to different Stores."""
        (tmp_path / "f").write_bytes(b"")
        calls = [
            lambda: store.put_bytes(key, b"", metadata={}, content_type=TYPE),
            lambda: store.put_file(key, tmp_path / "f", sha256=digest(b""), metadata={}, content_type=TYPE),
            lambda: store.get(key),
            lambda: store.stat(key),
            lambda: store.delete(key),
        ]
        for call in calls:
            with pytest.raises(InputError):
                call()
        with pytest.raises(InputError):
            list(store.list("../"))

    @pytest.mark.parametrize("metadata", [{"Upper": "x"}, {"a": "é"}, {"a": "x\n"}, {"a": "x" * 2100}, {"a b": ""}])
    def test_metadata_is_checked(self, store: ObjectStore, metadata: dict[str, str]) -> None:
        """What some server would change or refuse is refused at once."""
        with pytest.raises(InputError):
            store.put_bytes(KEY, b"", metadata=metadata, content_type=TYPE)
        assert list(store.list("")) == []

    def test_two_kilobytes_of_metadata(self, store: ObjectStore) -> None:
        """Nearly 2 KB come back whole."""
        metadata = {f"name-{i}": "v" * 80 for i in range(20)}
        store.put_bytes(KEY, b"x", metadata=metadata, content_type=TYPE)
        assert store.stat(KEY).metadata == metadata

    def test_protect_leaves_it_as_it_is(self, store: ObjectStore) -> None:
        """Says whether it could; the object is there as before, and one that is not is said to be missing."""
        store.put_bytes(KEY, b"statement", metadata=META, content_type=TYPE)
        assert store.protect(KEY, time.time_ns() + 2 * 10**9) in {True, False}
        assert (store.get(KEY), dict(store.stat(KEY).metadata)) == (b"statement", META)
        with pytest.raises(ObjectMissingError):
            store.protect(KEY + "x", time.time_ns() + 10**9)

    def test_a_legal_hold_leaves_it_as_it_is(self, store: ObjectStore) -> None:
        """As above; taken off, it can be removed."""
        store.put_bytes(KEY, b"footage", metadata=META, content_type=TYPE)
        could = store.legal_hold(KEY, on=True)
        assert (store.get(KEY), dict(store.stat(KEY).metadata)) == (b"footage", META)
        if could:
            with pytest.raises(ObjectError):
                store.delete(KEY)
        assert store.legal_hold(KEY, on=False) is could
        store.delete(KEY)
        assert list(store.list("")) == []
        with pytest.raises(ObjectMissingError):
            store.legal_hold(KEY, on=True)

    def test_check_leaves_nothing(self, store: ObjectStore) -> None:
        """The proof that it works takes away what it wrote; it can be repeated."""
        store.check()
        store.check()
        assert list(store.list("")) == []

    def test_many_at_once(self, store: ObjectStore) -> None:
        """Threads share a Store: put, read and remove in the same folder."""

        def work(number: int) -> bytes:
            key, data = f"same/folder/{number % 8}-{number}", bytes([number]) * 5000
            store.put_bytes(key, data, metadata={}, content_type=TYPE)
            got = store.get(key)
            store.delete(key)
            return got

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(work, range(48))) == [bytes([n]) * 5000 for n in range(48)]
        assert list(store.list("")) == []
