"""Contents lie on disk sealed: read whole or in parts, never changed unnoticed, readable with old keys, gone with their key."""

from __future__ import annotations

import base64
import io
import resource
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from structlog.testing import CapturingLogger

from core import blobs, keyring, sealing, settings
from core.blobs import DirectoryBlobs
from core.errors import ConfigurationError, Damaged, NotFound
from core.sealing import CHUNK, HEADER, LONGEST_RECORD, TAG, SealedLog, SealedReader, SealedWriter, new_key, records

SIZES = [0, 1, 100, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 17]
OLD, NEW = bytes(range(32)), bytes(range(32, 64))


def use_keys(*keys: bytes, content: bool = True) -> None:
    text = ",".join(base64.b64encode(key).decode() for key in keys)
    settings.use(keyring.SealSettings(keys=text, content=content))


def content_of(size: int) -> bytes:
    return np.random.default_rng(size).bytes(size)


def path_of(store: DirectoryBlobs, reference: str) -> Path:
    return store.root / reference[:2] / reference[2:4] / reference


@pytest.mark.parametrize("size", SIZES)
def test_nothing_of_a_content_lies_in_the_clear(blob_store: DirectoryBlobs, size: int) -> None:
    content = (b"139 0000 1234, " * (size // 15 + 1))[:size]
    reference = blob_store.put(content)
    assert blob_store.get(reference) == content
    assert blob_store.size(reference) == size
    on_disk = b"".join(path.read_bytes() for path in blob_store.root.rglob("*") if path.is_file())
    assert b"0000 1234" not in on_disk
    assert [path for path in blob_store.root.iterdir() if path.name.startswith(".") and path.name != ".lock"] == []


@examples(max_examples=60, deadline=None)
@given(size=st.sampled_from(SIZES), at=st.integers(0, 4 * CHUNK), length=st.integers(0, 2 * CHUNK))
def test_any_part_is_read_without_the_rest(size: int, at: int, length: int) -> None:
    content, key = content_of(size), new_key()
    file = io.BytesIO()
    writer = SealedWriter(file, key)
    for start in range(0, size, 7001):
        writer.write(content[start : start + 7001])
    writer.finish()
    file.seek(0)
    reader = io.BufferedReader(SealedReader(file, key))
    reader.seek(at)
    assert reader.read(length) == content[at : at + length]


@pytest.mark.parametrize("size", [0, 1, CHUNK, 2 * CHUNK + 5])
def test_a_changed_byte_is_noticed(blob_store: DirectoryBlobs, size: int) -> None:
    reference = blob_store.put(content_of(size))
    path = path_of(blob_store, reference)
    whole = path.read_bytes()
    for place in {HEADER, len(whole) // 2, len(whole) - 1}:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(Damaged):
            blob_store.get(reference)


def test_a_part_that_was_cut_off_or_moved_is_noticed(blob_store: DirectoryBlobs) -> None:
    reference = blob_store.put(content_of(3 * CHUNK))
    path = path_of(blob_store, reference)
    whole = path.read_bytes()
    sealed = CHUNK + TAG
    pieces = [whole[HEADER + n * sealed : HEADER + (n + 1) * sealed] for n in range(3)]
    for changed in (whole[:-sealed], whole[:HEADER], whole[:HEADER] + pieces[1] + pieces[0] + pieces[2], whole + b"x"):
        path.write_bytes(changed)
        with pytest.raises(Damaged):
            blob_store.get(reference)


def test_a_content_cannot_be_exchanged_for_another(blob_store: DirectoryBlobs) -> None:
    first, second = (path_of(blob_store, blob_store.put(text)) for text in (b"first", b"second"))
    for suffix in ("", ".key"):
        first.with_name(first.name + suffix).write_bytes(second.with_name(second.name + suffix).read_bytes())
    with pytest.raises(Damaged):
        blob_store.get(first.name)


def test_what_was_kept_in_the_clear_stays_readable_and_can_be_sealed(blob_store: DirectoryBlobs) -> None:
    use_keys(content=False)
    reference = blob_store.put(b"from before")
    assert path_of(blob_store, reference).read_bytes() == b"from before"
    use_keys()
    assert blob_store.get(reference) == b"from before"
    assert not blob_store.is_sealed(reference)
    blob_store.seal(reference)
    assert blob_store.is_sealed(reference)
    assert b"from before" not in path_of(blob_store, reference).read_bytes()
    assert blob_store.get(reference) == b"from before"
    assert list(blob_store) == [reference]


def test_sealing_can_be_off_but_never_confuses(blob_store: DirectoryBlobs) -> None:
    reference = blob_store.put(b"a content")
    sealed = path_of(blob_store, reference).read_bytes()
    use_keys(content=False)
    again = blob_store.put(sealed)  # a content that looks like a sealed one
    assert blob_store.get(again) == sealed
    assert blob_store.get(reference) == b"a content"


def test_old_keys_still_read_until_everything_is_wrapped_anew(blob_store: DirectoryBlobs) -> None:
    use_keys(OLD)
    reference = blob_store.put(b"long ago")
    use_keys(NEW)
    with pytest.raises(ConfigurationError, match=keyring.identity(OLD)):
        blob_store.get(reference)
    use_keys(NEW, OLD)
    assert blob_store.get(reference) == b"long ago"
    assert list(blob_store.wrapped()) == [(reference, keyring.identity(OLD))]
    content = path_of(blob_store, reference).read_bytes()
    blob_store.rewrap(reference)
    assert path_of(blob_store, reference).read_bytes() == content
    use_keys(NEW)
    assert blob_store.get(reference) == b"long ago"


@pytest.mark.parametrize("text", ["short", "AAAA", "é" * 44])
def test_a_key_that_is_none_is_refused(text: str) -> None:
    settings.use(keyring.SealSettings(keys=text))
    with pytest.raises(ConfigurationError, match="32 bytes in base64"):
        keyring.keys()


def test_an_erased_key_takes_the_content_with_it(blob_store: DirectoryBlobs) -> None:
    reference = blob_store.put(b"to be forgotten")
    path = path_of(blob_store, reference)
    copy = path.read_bytes()
    blob_store.delete(reference)
    assert not path.exists()
    path.write_bytes(copy)  # from a copy of the contents
    with pytest.raises(NotFound, match="erased"):
        blob_store.get(reference)
    assert blob_store.put(b"to be forgotten") == reference  # the same comes again
    assert blob_store.get(reference) == b"to be forgotten"


def test_a_content_that_could_not_be_read_is_mended_by_putting_it_again(blob_store: DirectoryBlobs) -> None:
    reference = blob_store.put(b"content")
    path_of(blob_store, reference).with_suffix(".key").write_bytes(keyring.wrap(new_key(), reference))
    with pytest.raises(Damaged):
        blob_store.get(reference)
    blob_store.put(b"content")
    assert blob_store.get(reference) == b"content"


def test_many_may_bring_the_same_content_at_once(blob_store: DirectoryBlobs) -> None:
    def bring() -> None:
        for number in range(20):
            found.append(blob_store.get(blob_store.put(b"%d" % number)))

    found: list[bytes] = []
    threads = [threading.Thread(target=bring) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(b"%d" % number for number in range(20) for _ in threads)


def test_a_sound_file_is_written_and_read_without_a_file_in_the_clear(blob_store: DirectoryBlobs) -> None:
    samples = np.random.default_rng(1).integers(-3000, 3000, 16_000 * 30, dtype=np.int16)
    with blob_store.create() as draft, soundfile.SoundFile(draft.file, "w", 16_000, 1, "PCM_16", format="FLAC") as out:
        for at in range(0, len(samples), 16_000):
            out.write(samples[at : at + 16_000])
    with blob_store.open(draft.reference) as file, soundfile.SoundFile(file) as sound:
        assert sound.frames == len(samples)  # the header was written over when the length was known
        sound.seek(16_000 * 20)
        assert np.array_equal(sound.read(dtype="int16"), samples[16_000 * 20 :])
    assert blob_store.put(blob_store.get(draft.reference)) == draft.reference


def test_a_draft_that_fails_leaves_nothing(blob_store: DirectoryBlobs) -> None:
    with pytest.raises(RuntimeError), blob_store.create() as draft:
        draft.file.write(b"half of it")
        raise RuntimeError
    assert list(blob_store) == []
    assert [path.name for path in blob_store.root.iterdir()] == []


def test_a_log_keeps_every_whole_record_of_a_process_that_died(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = SealedLog(path, "call")
    for number in range(5):
        log.append(number, b"my number is 139%d" % number)
    whole = path.read_bytes()
    assert b"139" not in whole
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        found = list(records(path, "call"))
        assert found == [(number, b"my number is 139%d" % number) for number in range(len(found))]
    path.write_bytes(whole + bytes(4096))  # a power cut can leave zeros
    assert len(list(records(path, "call"))) == 5
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert len(list(records(path, "call"))) == 4
    log.close()


def test_a_log_takes_no_record_that_it_would_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = SealedLog(path, "call")
    log.append(1, bytes(LONGEST_RECORD - TAG))
    with pytest.raises(ValueError, match="too long"):
        log.append(1, bytes(LONGEST_RECORD - TAG + 1))
    log.append(2, b"after it")
    log.close()
    assert [(kind, len(content)) for kind, content in records(path, "call")] == [(1, LONGEST_RECORD - TAG), (2, 8)]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> CapturingLogger:
    logger = CapturingLogger()
    monkeypatch.setattr(sealing, "logger", logger)
    return logger


def test_half_a_record_on_a_full_disk_is_taken_back(tmp_path: Path, said: CapturingLogger) -> None:
    path = tmp_path / "log"
    log = SealedLog(path, "call")
    log.append(1, b"before")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100, before[1]))
        with pytest.raises(OSError):
            log.append(1, bytes(5000))  # a hundred bytes of it are written
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with pytest.raises(OSError):
        log.append(1, b"after")
    log.close()
    assert list(records(path, "call")) == [(1, b"before")]
    assert said.calls == []


def test_it_is_said_when_a_log_ends_in_the_midst(tmp_path: Path, said: CapturingLogger) -> None:
    path = tmp_path / "log"
    log = SealedLog(path, "call")
    log.append(1, b"a piece")
    log.close()
    path.write_bytes(path.read_bytes() + b"\1\xff\xff\xff\xff" + bytes(50))
    assert len(list(records(path, "call"))) == 1
    assert [(one.method_name, one.kwargs) for one in said.calls] == [("warning", {"record": 1, "unread_bytes": 55})]


def test_a_log_belongs_to_its_call(tmp_path: Path) -> None:
    path = tmp_path / "log"
    SealedLog(path, "one").close()
    with pytest.raises(Damaged):
        list(records(path, "another"))
    assert blobs.DirectoryBlobs(tmp_path / "blobs").touched("0" * 64) == 0
