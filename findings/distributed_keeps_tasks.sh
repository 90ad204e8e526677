#!/bin/sh
# distributed 2026.8.0: a scheduler keeps what tasks were given in its log of transitions, long after
# their results were fetched and released: about 0.8 MB for each of the last hundreds of tasks that were
# given an array of 0.8 MB. A process that has its scheduler within it, and sends pieces of images that it
# has read itself, grows by gigabytes with pieces of 10 MB. A short log ("low-level-log-length") keeps none.
#
# Seen in November 2026, on Linux, Python 3.11; grown by, after 180 tasks:
#     as it comes     280 MB
#     log of 20       some MB
#
# Exits with 1 if this has changed: more than 100 MB, less than 50.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dask==2026.8.0 distributed==2026.8.0 numpy psutil
cd "$folder"
cat > grow.py <<'END'
import sys

import dask
import numpy as np
import psutil
from distributed import Client, LocalCluster, __version__


def use(array):
    return array.shape


def grown():
    """How many MB this process grows by while it gives out 180 tasks."""
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            for number in range(200):
                if number == 20:
                    before = psutil.Process().memory_info().rss
                future = client.submit(use, np.random.rand(100, 1000), pure=False)
                future.result()
                future.release()
            return (psutil.Process().memory_info().rss - before) / 1e6


if __name__ == "__main__":
    if sys.argv[1] == "short":
        dask.config.set({"distributed.admin.low-level-log-length": 20})
    print("distributed", __version__, sys.argv[1], round(grown()), "MB")
END
usual=$(venv/bin/python grow.py usual)
short=$(venv/bin/python grow.py short)
echo "$usual"
echo "$short"
[ "$(echo "$usual" | awk '{print $4}')" -gt 100 ] && [ "$(echo "$short" | awk '{print $4}')" -lt 50 ]
