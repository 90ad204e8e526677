#!/bin/sh
# zarr 3.1.6, the last that Python 3.11 has, reads a shard whose file is empty (as a power cut or a copy
# that failed may leave it) as one that was never written: as the fill value, without an error. A file
# that is cut off anywhere else is an error, and so is an empty one in zarr 3.4.2.
#
# Seen in November 2026, on Linux:
#     cut off    ValueError
#     empty      fill value
#
# Exits with 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet zarr==3.1.6
cd "$folder"
venv/bin/python - <<'END'
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import zarr

array = zarr.create_array("a.zarr", shape=(64, 64), chunks=(16, 16), shards=(64, 64), dtype="uint8")
array[:] = 7
shard = Path("a.zarr", "c", "0", "0")
whole = shard.read_bytes()

print("zarr", version("zarr"))
found = {}
for case, left in (("cut off", whole[:-9]), ("empty", b"")):
    shard.write_bytes(left)
    try:
        found[case] = "fill value" if np.all(array[:] == array.fill_value) else "values"
    except ValueError:
        found[case] = "ValueError"
    print(f"{case:10} {found[case]}")
sys.exit(int(found != {"cut off": "ValueError", "empty": "fill value"}))
END
