"""Measure speed as ratios, with all runs side by side in one process.

It prints the iterations to within 0.1 dB of the converged PSNR, in pairs of FFTs of the padded
size; the time per iteration, relative to such a pair; and the time of the reference objective,
relative to the loop of the original notebook in TensorFlow 2.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
from cases import Case, nuclei_volume, observed
from metrics import psnr
from rules import total_variation
from scenes import photograph
from skimage import color, data, transform

from napari_tf_deblur import (
    GradientDescent,
    RichardsonLucy,
    TotalVariation,
    convolve,
    deconvolve,
    gaussian_psf,
    iter_deconvolve,
)
from napari_tf_deblur._core.scene_grid import Grid
from napari_tf_deblur._preparation import memory
from napari_tf_deblur._preparation.iterations import PSF_LIGHT_KEPT
from napari_tf_deblur._solvers import loop, run
from napari_tf_deblur._solvers.blur import irfft, rfft
from napari_tf_deblur._solvers.load import tensorflow
from napari_tf_deblur.methods import Method

CONVERGED = 80
"""Number of iterations after which results no longer change."""

CLOSE = 0.1
"""Difference from the converged PSNR, in dB."""

MINIMUM = 2.16435
"""Minimum of the reference objective."""

SIZES = (128, 256, 512, 1024, 2048)


def median_seconds(run: Callable[[], Any], repeats: int = 5) -> float:
    run()
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        taken.append(time.perf_counter() - started)
    return float(np.median(taken))


def photo_of(size: int) -> Case:
    """Make a frame of a given size from mirrored photographs, with equal detail everywhere."""
    camera = photograph("camera")
    scene = np.pad(camera, [(32, size + 32 - 512 if size > 480 else 0)] * 2, mode="symmetric")
    return observed(f"{size} x {size}", scene, gaussian_psf(1.6), "camera", (size, size), noise=2)


def iterations_to_close(case: Case, method: TotalVariation) -> int:
    """Count the iterations until the PSNR stays within 0.1 dB of the converged one."""
    with (
        mock.patch.object(loop, "REPORT_INTERVAL", 0.0),  # a step for each iteration
        mock.patch.object(loop, "FIRST_CALL_PIXELS", 0),
        mock.patch.object(loop, "MIN_STEPS_PER_CALL", 0),
        mock.patch.object(run, "REPORT_INTERVAL", 0.0),
    ):
        steps = iter_deconvolve(case.blurred, case.psf, method)
        scores = [
            psnr(step.image(), case.truth, case.peak) for step in steps if len(step.loss_history)
        ]
    far = [k for k, score in enumerate(scores) if score < scores[-1] - CLOSE]
    return far[-1] + 2 if far else 1


def seconds_of_pair(case: Case) -> Callable[[], float]:
    """Time one real FFT of TensorFlow and its inverse, of the padded size; ten in a row."""
    tf = tensorflow()
    scene = Grid.around(case.truth.shape, case.psf, "unknown", PSF_LIGHT_KEPT).scene
    values = tf.random.normal((1, 1, *scene))

    @tf.function(autograph=False)
    def pairs(values: Any) -> Any:
        for _ in range(10):
            values = irfft(rfft(values, len(scene)), scene)
        return values

    def seconds() -> float:
        with memory.keep_freed_memory():
            pairs(values)  # takes what memory it needs
            started = time.perf_counter()
            pairs(values).numpy()
            return (time.perf_counter() - started) / 10

    seconds()
    return seconds


def seconds_per_iteration(case: Case, method: Callable[[int], Method]) -> Callable[[], float]:
    """Time an iteration, from the difference between runs of many and of few."""
    few, many = 5, 35

    def seconds_of(iterations: int) -> float:
        started = time.perf_counter()
        deconvolve(case.blurred, case.psf, method(iterations))
        return time.perf_counter() - started

    for iterations in (few, many):
        seconds_of(iterations)
    return lambda: (seconds_of(many) - seconds_of(few)) / (many - few)


def in_pairs(case: Case, *methods: Callable[[int], Method]) -> list[float]:
    """Time iterations of methods in FFT pairs: medians of runs in turns with the pairs."""
    clocks = [seconds_of_pair(case), *(seconds_per_iteration(case, m) for m in methods)]
    pair, *taken = np.median([[clock() for clock in clocks] for _ in range(9)], axis=0)
    return [float(t / pair) for t in taken]


def total_variation_section() -> None:
    print("## FFT pairs of `TotalVariation`\n")
    print(
        f"To within {CLOSE} dB of the PSNR after {CONVERGED} iterations, at the rule's weight. "
        "An iteration has 2 pairs; what it takes in all is given as pairs too.\n"
    )
    print("| case | iterations | FFT pairs | time of an iteration, in FFT pairs |")
    print("| --- | ---: | ---: | ---: |")
    volume = nuclei_volume()
    for case in (photo_of(512), photo_of(2048), volume):
        weight = total_variation(case).method.weight
        method = TotalVariation(weight=weight, iterations=CONVERGED, tolerance=0.0)
        count = iterations_to_close(case, method)
        (ratio,) = in_pairs(
            case, lambda n, w=weight: TotalVariation(weight=w, iterations=n, tolerance=0.0)
        )
        print(f"| {case.name} | {count} | {2 * count} | {ratio:.1f} |")
    print()


def richardson_lucy_section() -> None:
    print("## Time of a `RichardsonLucy` iteration, in FFT pairs of the padded size\n")
    print("| case | plain | accelerated |\n| --- | ---: | ---: |")
    for case in (photo_of(512), photo_of(2048), nuclei_volume()):
        ratios = in_pairs(
            case, lambda n: RichardsonLucy(n, accelerate=False), lambda n: RichardsonLucy(n)
        )
        print(f"| {case.name} | {ratios[0]:.1f} | {ratios[1]:.1f} |")
    print()


def sizes_section() -> None:
    print(f"## Iterations to within {CLOSE} dB of the converged PSNR, by size\n")
    counts = []
    for size in SIZES:
        case = photo_of(size)
        counts.append(iterations_to_close(case, TotalVariation(iterations=60, tolerance=0.0)))
    print("| " + " | ".join(str(size) for size in SIZES) + " |")
    print("|" + " ---: |" * len(SIZES))
    print("| " + " | ".join(str(count) for count in counts) + " |\n")


def recipe() -> tuple[np.ndarray, np.ndarray]:
    grey = color.rgb2gray(data.astronaut())
    truth = transform.rescale(grey, 1 / 3, mode="constant", anti_aliasing=False)
    psf = gaussian_psf((1, 3), 13)
    return convolve(truth, psf, boundary="zero"), psf


def reference_section() -> None:
    """Time the reference objective to 1.002 of its minimum, and 500 steps of the notebook."""
    blurred, psf = recipe()

    def lbfgs(iterations: int) -> Any:
        method = GradientDescent(optimizer="lbfgs", iterations=iterations)
        return deconvolve(blurred, psf, method, boundary="zero")

    history = lbfgs(500).loss_history
    needed = int(np.argmax(history <= 1.002 * MINIMUM)) + 1
    assert history[needed - 1] <= 1.002 * MINIMUM
    ours = median_seconds(lambda: lbfgs(needed))
    # In its own process, with the default settings of TensorFlow: oneDNN, which this package does
    # not use, is fast for conv2d.
    command = [sys.executable, __file__, "notebook"]
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1"}
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    eager, graph = (float(word) for word in said.stdout.split())
    print("## The reference objective\n")
    print(
        f"`GradientDescent(optimizer='lbfgs')` is within 1.002 of the minimum after {needed} "
        f"iterations, {1e3 * ours:.0f} ms. 500 steps of the notebook's loop (`conv2d`, gradient "
        "tape, plain gradient descent) in TensorFlow 2:\n"
    )
    print("| loop | seconds | times ours |\n| --- | ---: | ---: |")
    print(f"| step by step, as in the notebook | {eager:.2f} | {eager / ours:.0f} |")
    print(f"| each step compiled by `tf.function` | {graph:.2f} | {graph / ours:.0f} |\n")


def notebook_seconds(blurred: np.ndarray, psf: np.ndarray, compiled: bool) -> float:
    tf = tensorflow()
    kernel = tf.constant(psf[::-1, ::-1, None, None].copy())
    observed_image = tf.constant(blurred[None, :, :, None])
    start = np.random.default_rng(0).normal(0, 0.1, observed_image.shape).astype(np.float32)
    image = tf.Variable(start)

    def step() -> Any:
        with tf.GradientTape() as tape:
            again = tf.nn.conv2d(image, kernel, 1, "SAME")
            slopes = tf.nn.l2_loss(image[:, 1:] - image[:, :-1])
            slopes += tf.nn.l2_loss(image[:, :, 1:] - image[:, :, :-1])
            loss = tf.sqrt(tf.nn.l2_loss(again - observed_image)) + 0.2 * tf.sqrt(slopes)
        image.assign_sub(0.5 * tape.gradient(loss, image))
        return loss

    run = tf.function(step) if compiled else step
    run()
    image.assign(start)
    started = time.perf_counter()
    for _ in range(500):
        loss = run()
    seconds = time.perf_counter() - started
    assert float(loss) < 2.3, float(loss)
    return seconds


if sys.argv[1:] == ["notebook"]:
    print(*(notebook_seconds(*recipe(), compiled=compiled) for compiled in (False, True)))
elif __name__ == "__main__":
    total_variation_section()
    richardson_lucy_section()
    sizes_section()
    reference_section()
