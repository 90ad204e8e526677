#!/bin/sh
# tensorflow 2.21.0: a function compiled with tf.function keeps the variables that it was first called with,
# for each set of shapes, with all their memory, long after they were deleted. A solver that keeps its images
# in variables, and is called with images of ever other sizes, grows by the images of each size. Compiled from
# tf.type_spec_from_value of the variables, by get_concrete_function, it keeps none.
#
# Seen in November 2026, on Linux, Python 3.11; grown by, after three sizes of one variable of 64 MB and more:
#     called                    about 200 MB
#     from their description    some MB
#
# Exits with 1 if this has changed: more than 150 MB, less than 50.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0 psutil
cd "$folder"
cat > grow.py <<'END'
import gc
import sys

import psutil
import tensorflow as tf


@tf.function(autograph=False)
def halve(variable):
    variable.assign(variable * 0.5)
    return tf.reduce_sum(variable)


def grown(how):
    """How many MB this process grows by with variables of three sizes."""
    before = 0
    for side in (100, 4000, 4050, 4100):
        variable = tf.Variable(tf.ones([side, side]))
        if how == "called":
            halve(variable).numpy()
        else:
            halve.get_concrete_function(tf.type_spec_from_value(variable))(variable).numpy()
        del variable
        gc.collect()
        before = before or psutil.Process().memory_info().rss
    return (psutil.Process().memory_info().rss - before) / 1e6


print("tensorflow", tf.__version__, sys.argv[1], round(grown(sys.argv[1])), "MB")
END
export TF_CPP_MIN_LOG_LEVEL=3
export TF_ENABLE_ONEDNN_OPTS=0  # whose allocator keeps what is freed, whatever is traced
called=$(venv/bin/python grow.py called 2>/dev/null)
described=$(venv/bin/python grow.py described 2>/dev/null)
echo "$called"
echo "$described"
[ "$(echo "$called" | awk '{print $4}')" -gt 150 ] && [ "$(echo "$described" | awk '{print $4}')" -lt 50 ]
