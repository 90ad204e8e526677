"""What XLA compiled is loaded in the next process, whatever ran before; damaged files are not."""

import hashlib
import subprocess
import sys

import pytest

from napari_tf_deblur._solvers import code_folder

PROGRAM = """
import sys
from pathlib import Path
from napari_tf_deblur._solvers.code_folder import use_code_folder
from napari_tf_deblur._solvers.load import fused, tensorflow

use_code_folder(Path(sys.argv[1]))
tf = tensorflow()
for _ in range(int(sys.argv[2])):
    tf.constant(1.0)

@fused
def grow(x):
    return tf.while_loop(lambda k, x: k < 3, lambda k, x: (k + 1, 2 * tf.sin(x) + x), [0, x])[1]

print(grow(tf.range(5.0)).numpy().tolist())
"""


def run(folder, earlier_tensors=0):
    """Run the program in a process of its own; return its output, and the files' times."""
    command = [sys.executable, "-c", PROGRAM, str(folder), str(earlier_tensors)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=60)
    return done.stdout, {p.name: p.stat().st_mtime_ns for p in folder.glob("*/*.pb")}


def test_the_second_process_loads_and_a_damaged_file_is_made_again(tmp_path):
    folder = tmp_path / "with a space"
    printed, files = run(folder)
    assert len(files) == 1
    assert run(folder, earlier_tensors=50) == (printed, files)
    (path,) = folder.glob("*/*.pb")
    path.write_bytes(path.read_bytes()[:-1000] + bytes(1000))
    again, repaired = run(folder)
    assert again == printed
    assert list(repaired) == list(files)
    assert repaired != files


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of this process, not known to TensorFlow."""
    monkeypatch.setattr(code_folder, "_folder", None)
    monkeypatch.setenv("TF_XLA_FLAGS", "")
    code_folder.use_code_folder(tmp_path)
    assert "persistent" in code_folder.os.environ["TF_XLA_FLAGS"]
    return code_folder._folder


def test_code_without_its_digest_is_deleted(folder):
    for name in ("sound", "changed", "unknown"):
        (folder / f"{name}.pb").write_bytes(b"code")
    (folder / "sound.sha256").write_text(hashlib.sha256(b"code").hexdigest())
    (folder / "changed.sha256").write_text(hashlib.sha256(b"other").hexdigest())
    code_folder._delete_unsound(folder)
    assert {p.name for p in folder.iterdir()} == {"sound.pb", "sound.sha256"}


def test_the_oldest_code_is_deleted(folder, monkeypatch):
    monkeypatch.setattr(code_folder, "MAX_BYTES", 10)
    for age, name in enumerate(("new", "older", "oldest")):
        (folder / f"{name}.pb").write_bytes(b"12345")
        code_folder.os.utime(folder / f"{name}.pb", (1e9 - age, 1e9 - age))
    code_folder._delete_oldest(folder.parent)
    assert {p.name for p in folder.iterdir()} == {"new.pb", "older.pb"}


def test_a_folder_that_cannot_be_made_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_XLA_FLAGS", "")
    (tmp_path / "file").write_text("")
    code_folder.use_code_folder(tmp_path / "file")
    assert not code_folder.os.environ["TF_XLA_FLAGS"]
