"""The tables of RESULTS.md."""

from dataclasses import dataclass

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
from ours import Outcome
from rules import RULES

PEER_NAMES = (
    "scikit-image Wiener",
    "scikit-image unsupervised Wiener",
    "scikit-image Richardson-Lucy",
    "flowdec Richardson-Lucy",
    "RedLionfish Richardson-Lucy",
    "sdeconv Wiener",
    "sdeconv Richardson-Lucy",
    "sdeconv Spitfire",
    "scico ADMM-TV",
    "scico ADMM-TV, masked",
)


@dataclass(frozen=True)
class Row:
    """What all methods made of one case."""

    name: str
    boundary: str
    blurred: float
    ours: dict[str, float]
    peers: dict[str, float]
    details: dict[str, str]

    @classmethod
    def of(cls, case: Case, ours: dict[str, Outcome], peers: dict[str, Outcome]) -> "Row":
        def score(image: np.ndarray) -> float:
            return psnr(image, case.truth, case.peak, case.affine)

        ours_scored = {name: score(outcome.image) for name, outcome in ours.items()}
        peers_scored = {name: score(outcome.image) for name, outcome in peers.items()}
        details = {}
        for scores, outcomes in ((ours_scored, ours), (peers_scored, peers)):
            if scores:
                name = max(scores, key=scores.__getitem__)
                details[name] = _details(case, outcomes[name])
        return cls(
            case.name, case.boundary, score(case.blurred), ours_scored, peers_scored, details
        )

    @property
    def best(self) -> float:
        return max(self.ours.values())

    @property
    def best_peer(self) -> float:
        return max(self.peers.values(), default=np.nan)

    @property
    def lead(self) -> float:
        return self.best - self.best_peer

    def summary(self) -> str:
        return f"{self.name}: {self.best:.2f} dB, best peer {self.best_peer:.2f}"


def quality(rows: list[Row]) -> str:
    """Make the section on quality."""
    peers = [name for name in PEER_NAMES if any(name in row.peers for row in rows)]
    parts = [
        "## Quality\n",
        "PSNR in dB. Ours are set by one fixed rule that sees no truth; peers have the "
        "settings that the truth says are best.\n",
        _table(
            ["case", "boundary", "blurred", *RULES, "best peer", "lead"],
            [
                [row.name, row.boundary, _db(row.blurred)]
                + [_db(row.ours[name]) for name in RULES]
                + [_db(row.best_peer), f"{row.lead:+.2f}"]
                for row in rows
            ],
        ),
        _summary(rows),
        "### Peers\n",
        _table(
            ["case", *peers],
            [[row.name] + [_db(row.peers.get(name)) for name in peers] for row in rows],
        ),
        "### The best of ours and the best peer, closer\n",
        "Flux: relative error of the summed intensity. Shift: distance of the centres of mass, "
        "in pixels. Band: error in the 8 pixels at the frame, relative to that inside. "
        "FFT pairs are of the scene; where not given, they were not counted.\n",
        _table(
            ["case", "method", "SSIM", "NCC", "flux", "shift", "band", "seconds", "FFT pairs"],
            [
                [row.name, name, *detail.split("|")]
                for row in rows
                for name, detail in row.details.items()
            ],
        ),
    ]
    return "\n".join(parts)


def _summary(rows: list[Row]) -> str:
    leads = np.array([row.lead for row in rows])
    if not np.isfinite(leads).any():
        return "No peer was run.\n"
    lines = [f"- ahead in {np.sum(leads > 0)} of {np.isfinite(leads).sum()} cases"]
    lines.append(f"- least lead: {np.nanmin(leads):+.2f} dB")
    camera = np.array([row.lead for row in rows if row.boundary == "camera"])
    if np.isfinite(camera).any():
        lines.append(
            f"- with a camera's boundary: ahead in {np.sum(camera > 0)} of {len(camera)}, "
            f"median lead {np.nanmedian(camera):+.2f} dB, least {np.nanmin(camera):+.2f} dB"
        )
    return "\n".join(lines) + "\n"


def _details(case: Case, outcome: Outcome) -> str:
    image = fitted(outcome.image, case.truth) if case.affine else outcome.image
    shift = centroid_shift(image, case.truth, case.axes)
    return "|".join(
        [
            f"{ssim(image, case.truth, case.peak, case.channel_axis):.3f}",
            f"{normalised_cross_correlation(image, case.truth):.4f}",
            f"{100 * flux_error(image, case.truth):+.2f} %",
            f"{shift:.3f}",
            f"{band_error(image, case.truth, case.axes):.2f}",
            f"{outcome.seconds:.2f}",
            "" if outcome.pairs is None else str(outcome.pairs),
        ]
    )


def _db(value: float | None) -> str:
    return "" if value is None or not np.isfinite(value) else f"{value:.2f}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
