"""Measure runs on large images: seams between pieces, memory, and time per pixel.

    python benchmarks/pieces.py seams [--margins 1,2,3,4] [--gap 4] [--scenes "*3D"]
                                      [--pictures FOLDER]
    python benchmarks/pieces.py budget
    python benchmarks/pieces.py flat
    python benchmarks/pieces.py workers
    python benchmarks/pieces.py peer
    python benchmarks/pieces.py large plane|volume [--method Wiener]

``seams`` compares pieces with the whole image, with the same calibration. The scene of a whole
image is periodic. So the result near a border depends on the opposite side, and on its distance.
These pixels are counted separately. For comparison, the table shows how much the border of the
whole image changes if the opposite side is another one. Scenes are those of
``claims.py --development``, which neither tests nor other benchmarks use. Memory is the sum over
all processes, of resident pages ("RSS", which counts what processes share for each) and of
proportional ones ("PSS").
"""

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import psutil
from metrics import psnr

GB = 2**30


# ---- seams

FAR = 24
"""Smallest distance from the border, in pixels, at which the border has no effect."""


def seam_scenes() -> Iterator[tuple[str, np.ndarray, np.ndarray, int | None]]:
    """Yield name, truth, PSF and channel axis of six scenes with objects everywhere."""
    from claims import ROOM_PLANE, cells, leaves, photograph, psf_of, threads
    from scenes import nuclei

    shape = (3 * ROOM_PLANE[0] // 2,) * 2
    yield "cells, Gaussian 1.5", cells(shape, 105, 110), psf_of("Gaussian", 1.5, 1, 2), None
    yield "threads, disc 2", threads(shape, 104, 45), psf_of("disc", 1.0, 1, 2), None
    yield "leaves, motion", leaves(shape[0], 106), psf_of("motion", 1.0, 1, 2), None
    yield "coins, Moffat 1", photograph("coins.png", 100), psf_of("Moffat", 1.0, 1, 2), None
    colours = [photograph("coffee.png", seed) for seed in (100, 101, 102)]
    yield "colours, Gaussian 2", np.stack(colours, -1), psf_of("Gaussian", 2.0, 1, 2), 2
    yield "nuclei in 3D", nuclei((40, 144, 144), 80), psf_of("Gaussian", 1.2, 1, 3), None


def seams(margins: list[float], pictures: Path | None, pattern: str) -> None:
    from napari_tf_deblur import (
        Hessian,
        PoissonLikelihood,
        RichardsonLucy,
        TotalVariation,
        Wiener,
        calibrate,
        convolve,
        deconvolve,
        piece_margin,
    )
    from napari_tf_deblur._core.scene_grid import measure_reach
    from napari_tf_deblur._large.large_image import LargeImage
    from napari_tf_deblur._large.margins import scene_gap
    from napari_tf_deblur._large.piece_solver import PieceSolver
    from napari_tf_deblur._large.pieces import PieceGrid
    from napari_tf_deblur._preparation.iterations import PSF_LIGHT_KEPT

    methods = [
        TotalVariation(),
        Hessian(),
        PoissonLikelihood(),
        RichardsonLucy(),
        Wiener(),
    ]
    print("## Pieces of four PSFs against the whole image\n")
    print("Differences in % of the intensity range: largest, inside and at the border; in dB.\n")
    print("| scene | method | margin | inside | at the border | border of the whole | dB |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for name, truth, psf, channel in seam_scenes():
        if not fnmatch(name, pattern):
            continue
        light = np.clip(convolve(truth, psf, boundary="reflect", channel_axis=channel), 0, None)
        random = np.random.default_rng(7)
        image = (random.poisson(400 * light) / 400 + 0.01).astype(np.float32)
        axes = tuple(a for a in range(image.ndim) if a != channel)
        reach = [max(one, 1) for one in map(max, *measure_reach(psf, PSF_LIGHT_KEPT))]
        for method in methods:
            found = calibrate(image, psf, method, channel_axis=channel)
            whole = deconvolve(image, psf, found, channel_axis=channel)
            found = replace(found, global_values=whole.global_values)
            other = deconvolve(_other_side(image, axes), psf, found, channel_axis=channel)
            recipe = PieceSolver(psf, found, {}, channel, False, None)
            span = float(np.ptp(whole.image))
            far = [max(FAR, 4 * n) if image.shape[a] > 4 * FAR else n for a, n in zip(axes, reach)]
            inside = tuple(
                slice(far[axes.index(a)], -far[axes.index(a)]) if a in axes else slice(None)
                for a in range(image.ndim)
            )
            border = np.ones(image.shape, bool)
            border[inside] = False
            near = tuple(slice(0, n // 2) for n in image.shape)
            own = np.abs(other.image - whole.image)[near][border[near]].max() / span
            for margin in margins or [0.0]:
                wide = [int(np.ceil(margin * n)) for n in reach]
                wide = wide if margin else list(piece_margin(psf, method))
                gap = scene_gap([image.shape[a] for a in axes], psf, method)
                cut = PieceGrid.from_sizes(
                    image.shape, axes, [4 * n for n in psf.shape], wide, gap, channel
                )
                large = LargeImage(image, None, channel)
                pieces = np.empty(image.shape, np.float32)
                for piece in cut:
                    part = large.get_region_reader(piece.input_region, piece.gap)
                    solved = recipe.solve(part.pixels, None, piece)
                    pieces[piece.output_region] = solved.image
                off = np.abs(pieces - whole.image) / span
                gained = psnr(pieces, truth, 1.0, True) - psnr(whole.image, truth, 1.0, True)
                print(
                    f"| {name} | {type(method).__name__} | {margin or wide} "
                    f"| {100 * off[inside].max():.2f} | {100 * off[border].max():.2f} "
                    f"| {100 * own:.2f} | {gained:+.4f} |",
                    flush=True,
                )
            if pictures is not None:
                _save(pictures / f"{name} {type(method).__name__}.png", off, pieces)


def _other_side(image: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Return the image with its last quarter along each axis mirrored."""
    other = image.copy()
    for axis in axes:
        quarter = image.shape[axis] // 4
        end = (slice(None),) * axis + (slice(-quarter, None),)
        other[end] = np.flip(other[end], axis)
    return other


def _save(path: Path, off: np.ndarray, pieces: np.ndarray) -> None:
    """Save a picture of the result and of the differences; 1 % of the range is white."""
    from imageio.v3 import imwrite

    path.parent.mkdir(parents=True, exist_ok=True)
    while off.ndim > 2 and off.shape[-1] != 3:
        off, pieces = off[len(off) // 2], pieces[len(pieces) // 2]
    if off.ndim == 3:
        off, pieces = off.max(-1), pieces.mean(-1)
    low, high = np.percentile(pieces, (0.5, 99.5))
    both = [np.clip(off / 0.01, 0, 1), np.clip((pieces - low) / (high - low), 0, 1)]
    imwrite(path, np.rint(255 * np.hstack(both)).astype(np.uint8))


# ---- memory and time


class Watch(threading.Thread):
    """Measures the memory of this process and its children twenty times a second."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.rss = self.pss = 0.0
        self._over = threading.Event()

    def run(self) -> None:
        own = psutil.Process()
        while not self._over.wait(0.05):
            rss = pss = 0
            for process in [own, *own.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    told = process.memory_full_info()
                    rss, pss = rss + told.rss, pss + told.pss
            self.rss, self.pss = max(self.rss, rss), max(self.pss, pss)

    def end(self) -> None:
        self._over.set()
        self.join()


def plane_truth() -> np.ndarray:
    """Return the tile of which planes are made; it is shifted, so that pieces start elsewhere."""
    from claims import cells

    return np.roll(cells((1024, 1024), 5, 600), (512, 512), (0, 1))


def make_plane(path: Path, side: int, photons: float = 200.0) -> np.ndarray:
    """Write a blurred, noisy plane of uint16 as zarr, chunk by chunk; return the PSF."""
    import zarr

    from napari_tf_deblur import convolve, gaussian_psf

    psf = gaussian_psf(1.5)
    tile = np.clip(convolve(plane_truth(), psf, boundary="periodic"), 0, None)
    array = zarr.create_array(
        str(path), shape=(side, side), chunks=(512, 512), shards=None, dtype="uint16"
    )
    random = np.random.default_rng(0)
    for y in range(0, side, 1024):
        for x in range(0, side, 1024):
            part = array[y : y + 1024, x : x + 1024].shape
            noisy = random.poisson(photons * tile[: part[0], : part[1]]) + 100
            array[y : y + 1024, x : x + 1024] = noisy.astype(np.uint16)
    return psf


def make_volume(path: Path, shape: tuple[int, ...], photons: float = 200.0) -> np.ndarray:
    """Write a blurred, noisy volume of uint16 as zarr; return the PSF."""
    import zarr
    from scenes import nuclei

    from napari_tf_deblur import convolve, gaussian_psf

    psf = gaussian_psf((2.0, 1.5, 1.5))
    tile = np.clip(convolve(nuclei((64, 256, 256), 150), psf, boundary="periodic"), 0, None)
    array = zarr.create_array(
        str(path), shape=shape, chunks=(32, 256, 256), shards=None, dtype="uint16"
    )
    random = np.random.default_rng(0)
    steps = [range(0, n, m) for n, m in zip(shape, tile.shape)]
    for z in steps[0]:
        for y in steps[1]:
            for x in steps[2]:
                where = (slice(z, z + 64), slice(y, y + 256), slice(x, x + 256))
                part = array[where].shape
                noisy = random.poisson(photons * tile[tuple(map(slice, part))]) + 100
                array[where] = noisy.astype(np.uint16)
    return psf


def run(job: dict) -> dict:
    """Measure one run in this process: seconds of the pieces and of the whole run, and memory."""
    if job["kind"] in ("crew", "peer"):
        return (crew if job["kind"] == "crew" else beside)(job)
    import zarr

    import napari_tf_deblur as ours
    from napari_tf_deblur import TotalVariation, deconvolve, iter_deconvolve
    from napari_tf_deblur._large import plan

    if job.get("largest"):
        plan.MAX_PIECE_PIXELS[2] = job["largest"]
    psf = np.load(job["psf"])
    watch = Watch()
    watch.start()
    began = time.perf_counter()
    if job["kind"] == "memory":
        image = zarr.open_array(job["image"], mode="r")[...]
        method = TotalVariation()
        known = deconvolve(image, psf, method, memory=job["memory"]).calibration  # compiles
        began = time.perf_counter()
        done = deconvolve(image, psf, known, memory=job["memory"])
    elif job["kind"] == "cold":
        image = zarr.open_array(job["image"], mode="r")[...]
        done = deconvolve(image, psf, TotalVariation(), memory=job["memory"])
    else:
        image = zarr.open_array(job["image"], mode="r")
        shutil.rmtree(job["output"], ignore_errors=True)
        steps = iter_deconvolve(
            image,
            psf,
            getattr(ours, job.get("method", "TotalVariation"))(),
            memory=job["memory"],
            output=job["output"],
        )
        while True:
            try:
                next(steps)
            except StopIteration as end:
                done = end.value
                break
    seconds = time.perf_counter() - began
    watch.end()
    about = done.pieces or "at once"
    return {
        "seconds": seconds,
        "pieces_seconds": done.seconds,
        "rss": watch.rss / GB,
        "pss": watch.pss / GB,
        "about": about.split(".  ")[0].split(" Noise")[0],
        "verdict": done.verdict.kind,
    }


def measure(**job: object) -> dict:
    """Measure one run in its own process."""
    command = [sys.executable, __file__, "run", json.dumps(job)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(answer.stdout.strip().splitlines()[-1])


def show(name: str, pixels: float, found: dict) -> None:
    print(
        f"| {name} | {found['seconds']:.1f} | {found['pieces_seconds']:.1f} "
        f"| {1e6 * found['seconds'] / pixels:.2f} | {found['rss']:.2f} | {found['pss']:.2f} "
        f"| {found['about']} |",
        flush=True,
    )


HEAD = (
    "| image | s in all | s without workers' start | s per million pixels | RSS, GB | PSS, GB "
    "| how |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: | --- |"
)


def budget(folder: Path) -> None:
    """Compare a run in pieces with a run on the whole image, which needs four times the budget."""
    print(f"## Four times the budget\n\n{HEAD}")
    side, least = 8192, 1.8  # the whole image needs 7.2 GB, by estimate
    psf = save_psf(folder, make_plane(folder / "plane", side))
    given = {"image": str(folder / "plane"), "psf": psf, "output": str(folder / "out.ome.zarr")}
    show(f"{side} squared at once", side**2, measure(kind="cold", memory=16, **given))
    show(f"{side} squared, {least} GB", side**2, measure(kind="written", memory=least, **given))


def flat(folder: Path) -> None:
    """Measure planes of 1 to 256 pieces of one size, in this process and warm."""
    piece = 1024
    print(f"## Time per pixel by the number of pieces of {piece} squared\n\n{HEAD}")
    for count in (1, 4, 16, 64, 256):
        side = piece * int(np.sqrt(count))
        psf = save_psf(folder, make_plane(folder / f"plane {count}", side))
        given = {"image": str(folder / f"plane {count}"), "psf": psf, "largest": piece * piece}
        found = measure(kind="memory", memory=0.5, **given)
        show(f"{side} squared", side**2, found)


def workers(folder: Path) -> None:
    """Measure the throughput of one and of two warm processes of one thread each."""
    piece = 1024
    print(f"## Worker processes of one thread, in pieces of {piece} squared\n")
    print("| image | workers | pieces per minute | ratio |\n| --- | ---: | ---: | ---: |")
    for side in (5120, 8192):
        plane = folder / f"plane {side}"
        psf = save_psf(folder, make_plane(plane, side))
        alone = None
        for count in (1, 2):
            found = measure(
                kind="crew",
                workers=count,
                largest=piece * piece,
                memory=2.0 * count,
                image=str(plane),
                psf=psf,
                output=str(folder / "out.ome.zarr"),
            )["per_minute"]
            alone = alone or found
            print(f"| {side} squared | {count} | {found:.1f} | {found / alone:.2f} |", flush=True)


def crew(job: dict) -> dict:
    """Deblur with workers of one thread; record the number of finished pieces over time."""
    import zarr

    from napari_tf_deblur import TotalVariation, iter_deconvolve
    from napari_tf_deblur._large import plan
    from napari_tf_deblur._large.local_workers import start_local_workers

    plan.MAX_PIECE_PIXELS[2] = job["largest"]
    shutil.rmtree(job["output"], ignore_errors=True)
    image = zarr.open_array(job["image"], mode="r")
    count = job["workers"]
    times: dict[int | None, float] = {}
    with start_local_workers(count, 1, int(job["memory"] * GB / count)) as found:
        found.client.wait_for_workers(count)
        address = found.client.scheduler.address
        method = TotalVariation()
        psf = np.load(job["psf"])
        for step in iter_deconvolve(
            image, psf, method, output=job["output"], scheduler=address, memory=job["memory"]
        ):
            if step.stage == "pieces":
                times.setdefault(step.pieces_done, time.perf_counter())
    began = list(times.values())[4 * count : -count]  # the first pieces compile
    return {"per_minute": 60 * (len(began) - 1) / (began[-1] - began[0])}


def peer(folder: Path) -> None:
    """Measure scikit-image's Richardson-Lucy with map_overlap, as issue trackers recommend."""
    side = 8192
    psf = save_psf(folder, make_plane(folder / "plane", side))
    print(f"## {side} squared, uint16, beside scikit-image under `dask.array.map_overlap`\n")
    print("| what | s | RSS, GB | PSS, GB | PSNR, dB | seams, % of range |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for kind in ("skimage 10", "skimage 30", "RichardsonLucy", "TotalVariation"):
        found = measure(
            kind="peer",
            what=kind,
            image=str(folder / "plane"),
            psf=psf,
            output=str(folder / "out.zarr"),
        )
        print(
            f"| {kind} | {found['seconds']:.1f} | {found['rss']:.2f} | {found['pss']:.2f} "
            f"| {found['psnr']:.2f} | {found['seam']:.3f} |",
            flush=True,
        )


def beside(job: dict) -> dict:
    """Deblur by the peer or by us, with two processes of one thread; check a part of the result."""
    import dask.array as da
    import zarr

    shutil.rmtree(job["output"], ignore_errors=True)
    psf = np.load(job["psf"])
    watch = Watch()
    watch.start()
    began = time.perf_counter()
    if job["what"].startswith("skimage"):
        from distributed import Client, LocalCluster
        from skimage.restoration import richardson_lucy

        image = da.from_zarr(job["image"]).rechunk(1024)
        count = int(job["what"].split()[1])

        def deblur(block: np.ndarray) -> np.ndarray:
            light = np.clip(block.astype(np.float32) - 100, 0, None)
            return richardson_lucy(light, psf, num_iter=count, clip=False)

        cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
        with cluster, Client(cluster):
            done = image.map_overlap(
                deblur,
                depth=16,
                boundary="reflect",
                dtype=np.float32,
                meta=np.zeros((0, 0), np.float32),
            )
            done.to_zarr(job["output"])
        result = zarr.open_array(job["output"], mode="r")
    else:
        import napari_tf_deblur as ours

        method = getattr(ours, job["what"])()
        lazy = zarr.open_array(job["image"], mode="r")
        done = ours.deconvolve(lazy, psf, method, output=job["output"], memory=4.0)
        result = done.image
    seconds = time.perf_counter() - began
    watch.end()
    part = np.asarray(result[:4096, :4096], np.float32)
    truth = 200.0 * np.tile(plane_truth(), (4, 4))
    inside = (slice(64, -64),) * 2
    return {
        "seconds": seconds,
        "rss": watch.rss / GB,
        "pss": watch.pss / GB,
        "psnr": psnr(part[inside], truth[inside], float(np.ptp(truth)), True),
        "seam": 100 * seam(part) / float(np.ptp(truth)),
    }


def seam(image: np.ndarray, every: int = 1024) -> float:
    """Return the mean step across the lines between pieces, relative to that of other steps."""
    found = []
    for axis in (0, 1):
        steps = np.abs(np.diff(image, axis=axis)).mean(1 - axis)
        at = np.zeros(len(steps), bool)
        at[every - 1 :: every] = True
        found.append(float(steps[at].mean() - steps[~at].mean()))
    return max(found)


def save_psf(folder: Path, psf: np.ndarray) -> str:
    np.save(folder / "psf.npy", psf)
    return str(folder / "psf.npy")


def large(folder: Path, kind: str, method: str) -> None:
    print(f"## Within 2 GB, {method}\n\n{HEAD}")
    if kind == "plane":
        side = 16384
        psf = save_psf(folder, make_plane(folder / "plane", side))
        name, pixels, image = f"{side} x {side} uint16", side**2, folder / "plane"
    else:
        shape = (256, 2048, 2048)
        psf = save_psf(folder, make_volume(folder / "volume", shape))
        name, pixels, image = "256 x 2048 x 2048 uint16", np.prod(shape), folder / "volume"
    found = measure(
        kind="written",
        method=method,
        memory=2.0,
        image=str(image),
        psf=psf,
        output=str(folder / "out.ome.zarr"),
    )
    show(name, pixels, found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices="seams budget flat workers peer large run".split())
    parser.add_argument("more", nargs="?", default="plane")
    parser.add_argument("--margins", default="", help="times the reach; else what is used")
    parser.add_argument("--gap", type=int, help="times the margin, instead of `MOST_GAP`")
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--scenes", default="*", help="those of seams, as a pattern")
    parser.add_argument("--method", default="TotalVariation", help="of large")
    chosen = parser.parse_args()
    if chosen.gap is not None:
        from napari_tf_deblur._large.margins import MAX_GAP_RATIO

        MAX_GAP_RATIO.update(dict.fromkeys(MAX_GAP_RATIO, chosen.gap))
    if chosen.what == "seams":
        seams([float(m) for m in chosen.margins.split(",") if m], chosen.pictures, chosen.scenes)
    elif chosen.what == "run":
        print(json.dumps(run(json.loads(chosen.more))))
    else:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if chosen.what == "large":
                large(folder, chosen.more, chosen.method)
            else:
                parts = {"budget": budget, "flat": flat, "workers": workers, "peer": peer}
                parts[chosen.what](folder)


if __name__ == "__main__":
    main()
