"""Write tables in Markdown."""

from dataclasses import dataclass, replace

import numpy as np
from cases import Case
from metrics import (
    band_error,
    centroid_shift,
    fitted,
    flux_error,
    normalised_cross_correlation,
    psnr,
    ssim,
)
from ours import Answer

HEADER = """# Benchmark

Written by `python benchmarks/run.py`. Peers have oracle settings: the best of a grid, chosen
with the truth for each case, with mirror padding where light came in from beyond the frame.
Our methods have one fixed rule each (`rules.py`), which does not know the truth. PSNR in dB.
"""


@dataclass(frozen=True)
class Row:
    """One case with all of its results."""

    case: Case
    peers: list[Answer]
    ours: list[Answer]

    def psnr(self, answer: Answer) -> float:
        return psnr(answer.image, self.case.truth, self.case.peak, self.case.affine)

    def best(self, answers: list[Answer]) -> Answer | None:
        return max(answers, key=self.psnr, default=None)

    @property
    def lead(self) -> float:
        """Return the lead of our best method over the best peer, in dB; NaN without peers."""
        peer, our = self.best(self.peers), self.best(self.ours)
        return self.psnr(our) - self.psnr(peer) if peer and our else np.nan

    def summary(self) -> str:
        peer = self.best(self.peers)
        said = f"{peer.name} {self.psnr(peer):.2f}" if peer else "no peer"
        mine = ", ".join(f"{a.name} {self.psnr(a):.2f} ({a.seconds:.2f} s)" for a in self.ours)
        return f"{said}; {mine}; lead {self.lead:+.2f}"


def tables(rows: list[Row], measured: list[tuple[Row, Answer]]) -> str:
    sections = [HEADER, summary(rows), qualities(rows), all_peers(rows), details(measured)]
    return "\n".join(sections)


def summary(rows: list[Row]) -> str:
    def leads(rows: list[Row]) -> np.ndarray:
        return np.array([row.lead for row in rows])

    camera = [row for row in rows if row.case.boundary == "camera"]
    mirrored = [
        replace(row, peers=[peer for peer in row.peers if not peer.name.endswith(", masked")])
        for row in camera
    ]
    text = f"- All cases: {_won(leads(rows))}\n"
    if camera:
        text += f"- With a real camera's frame: {_won(leads(camera))}\n"
        text += f"- The same, peers with mirror padding only: {_won(leads(mirrored))}\n"
    return text


def _won(leads: np.ndarray) -> str:
    return (
        f"{np.sum(leads > 0)} of {np.sum(np.isfinite(leads))} won; the smallest lead is "
        f"{np.nanmin(leads):+.2f} dB, the median {np.nanmedian(leads):+.2f} dB."
    )


def qualities(rows: list[Row]) -> str:
    names = [answer.name for answer in rows[0].ours]
    lines = [_line("case", "frame", "blurred", "best peer, oracle", "", *names, "lead")]
    lines.append(_line("---", "---", "---:", "---", *["---:"] * (len(names) + 2)))
    for row in rows:
        case, peer = row.case, row.best(row.peers)
        blurred = psnr(case.blurred, case.truth, case.peak, case.affine)
        best = row.best(row.ours)
        cells = [f"**{row.psnr(a):.2f}**" if a is best else f"{row.psnr(a):.2f}" for a in row.ours]
        lines.append(
            _line(
                case.name,
                case.boundary,
                f"{blurred:.2f}",
                peer.name if peer else "",
                f"{row.psnr(peer):.2f}" if peer else "",
                *cells,
                f"{row.lead:+.2f}",
            )
        )
    return "## Quality\n\n" + "\n".join(lines) + "\n"


def all_peers(rows: list[Row]) -> str:
    names = sorted({answer.name for row in rows for answer in row.peers})
    lines = [_line("case", *names), _line("---", *["---:"] * len(names))]
    for row in rows:
        found = {answer.name: f"{row.psnr(answer):.2f}" for answer in row.peers}
        lines.append(_line(row.case.name, *(found.get(name, "") for name in names)))
    return "## Peers, at oracle settings\n\n" + "\n".join(lines) + "\n"


def details(measured: list[tuple[Row, Answer]]) -> str:
    """Return a table of all other measures: the best peer, and below it our best method."""
    names = ("SSIM", "NCC", "flux", "centroid", "frame", "seconds", "FFT pairs", "memory")
    lines = [_line("case", "method", *names), _line("---", "---", *["---:"] * len(names))]
    lines.extend(_details(row.case, answer) for row, answer in measured)
    notes = (
        "Flux: relative error of the summed intensity. Centroid: its shift in pixels. Frame: "
        "error within 8 pixels of the frame over that inside. Seconds: a warm run with the "
        "settings known, one after another on one machine. Memory: its peak above the idle "
        "process, in images of float32, at the first run of that size; of a small image it is "
        "mostly code.\n"
    )
    return "## In detail\n\n" + "\n".join(lines) + "\n\n" + notes


def _details(case: Case, answer: Answer) -> str:
    image = fitted(answer.image, case.truth) if case.affine else answer.image
    return _line(
        case.name,
        answer.name,
        f"{ssim(image, case.truth, case.peak, case.channel_axis):.3f}",
        f"{normalised_cross_correlation(image, case.truth):.4f}",
        f"{flux_error(image, case.truth):+.1e}",
        f"{centroid_shift(image, case.truth, case.axes):.3f}",
        f"{band_error(image, case.truth, case.axes):.2f}",
        f"{answer.seconds:.2f}",
        f"{answer.pairs:.0f}" if answer.pairs else "",
        f"{answer.images:.0f}" if answer.images else "",
    )


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"
