"""Denoised slices of heads beside what they were, and what became of the spots in them."""

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure

from gen_ai_examples.common.media import Picture, Text, render
from gen_ai_examples.common.methods.rician import estimated_sigma
from gen_ai_examples.common.metrics.lesions import CONTRASTS, RADII, even_places, implanted, spot
from gen_ai_examples.common.panels import panels

NETWORK, NOTHING = "network", "nothing done"
SPOT_SCORES = {
    "kept": "contrast kept",
    "seen": "area under the ROC curve",
    "false": "false spots per slice",
}
_HEAD, _MIDDLE = np.s_[4:220, 4:188], np.s_[70:150, 30:110]

Results = dict[str, dict[str, list[np.ndarray]]]  # by person and method, images (H, W)


def grey(image: np.ndarray, low: float = 0.0, high: float = 1.3) -> np.ndarray:
    """Brightness (H, W), `low` black and `high` white, to uint8."""
    return ((image - low) / (high - low) * 255).clip(0, 255).round().astype(np.uint8)


def whole(persons: dict[str, np.ndarray], results: Results, rival: str) -> Picture:
    """The middle slice of each person: noisy, filtered by `rival`, denoised, clean (N, H, W)."""
    rows = []
    for head, clean in persons.items():
        i = len(clean) // 2
        pictures = {"noisy": NOTHING, rival: rival, NETWORK: NETWORK}
        row = {f"{head}, {title}": results[head][name][i] for title, name in pictures.items()}
        row["clean"] = clean[i]
        rows.append({title: grey(image[_HEAD]) for title, image in row.items()})
    return panels(rows, width=3.0)


def close_ups(persons: dict[str, np.ndarray], results: Results, rival: str) -> Picture:
    """A part of those slices, and what is wrong there: grey is right, black 0.3 too dark."""
    rows, square = [], _MIDDLE
    for head, clean in persons.items():
        i = len(clean) // 2
        truth = clean[i][square]
        pictures = {"noisy": NOTHING, rival: rival, NETWORK: NETWORK}
        found = {title: results[head][name][i][square] for title, name in pictures.items()}
        rows.append(
            {f"{head}, {title}": grey(image) for title, image in found.items()}
            | {"clean": grey(truth)}
        )
        rows.append(
            {f"error, {title}": grey(image - truth, -0.3, 0.3) for title, image in found.items()}
            | {"error, clean": grey(0 * truth, -0.3, 0.3)}
        )
    return panels(rows, width=2.6)


def spot_panel(
    methods: dict[str, Callable[[np.ndarray], np.ndarray]],
    clean: np.ndarray,
    noisy: Callable[[np.ndarray], np.ndarray],
) -> Picture:
    """A slice (H, W) with small spots above, large ones below, bright and dark in turn."""
    places = sorted(even_places(clean, gap=24)[: 2 * len(CONTRASTS)])
    contrasts = [sign * contrast for contrast in CONTRASTS for sign in (1, -1)]
    rows = []
    for size, radius in RADII.items():
        spotted = implanted(clean, places, spot(radius), contrasts)
        given = noisy(spotted)
        images = {f"{size} spots": spotted} | {
            name: method(given) for name, method in methods.items()
        }
        rows.append({title: grey(image[_HEAD], 0.3, 1.3) for title, image in images.items()})
    return panels(rows, width=3.0)


def contrast_curves(found: dict[str, dict[tuple[str, str, float], float]]) -> Picture:
    """The contrast kept and the observer's area under the curve, over contrast."""
    figure = Figure(figsize=(10, 7), layout="constrained")
    for axes_of_row, kind in zip(figure.subplots(2, 2), ("kept", "seen"), strict=True):
        for axes, (size, radius) in zip(axes_of_row, RADII.items(), strict=True):
            for name, its in found.items():
                axes.plot(CONTRASTS, [its[kind, size, c] for c in CONTRASTS], "o-", label=name)
            axes.set(
                xlabel="contrast of the spot (white matter = 1)",
                ylabel=SPOT_SCORES[kind],
                title=f"{2 * radius:g} mm wide",
            )
            axes.grid(alpha=0.3)
            axes.legend()
    return render(figure)


def table(
    scores: dict[tuple[str, float], dict[str, dict[str, float]]],
    found: dict[str, dict[tuple[str, str, float], float]],
) -> Text:
    """`quality` by (person, noise) and method, and `spot_scores` by method."""
    wide = max(map(len, next(iter(scores.values()))))
    lines = ["PSNR in dB (SSIM) inside the head, held-out slices"]
    for (head, sigma), its in scores.items():
        lines.append(f"\n{head}, noise {sigma:g} of white matter")
        lines += [f"  {n:<{wide}}{v['PSNR']:>8.2f}  ({v['SSIM']:.3f})" for n, v in its.items()]
    for kind, words in SPOT_SCORES.items():
        lines.append(f"\n{words}")
        for size, radius in RADII.items():
            heads_of_columns = "".join(f"{contrast:>8g}" for contrast in CONTRASTS)
            lines.append(f"  {f'{2 * radius:g} mm, contrast':<{wide}}{heads_of_columns}")
            for name, its in found.items():
                values = "".join(f"{its[kind, size, c]:>8.2f}" for c in CONTRASTS)
                lines.append(f"  {name:<{wide}}{values}")
    return Text("\n".join(lines) + "\n")


def own_media(
    own: dict[str, np.ndarray], denoiser: Callable[[float], Callable[[np.ndarray], np.ndarray]]
) -> dict[str, Picture | Text]:
    """The first five of the user's slices before and after, and the noise found in each.

    Args:
        own: noisy slices (H, W) by file name.
        denoiser: from the noise to what removes it from a slice.
    """
    if not own:
        return {}
    levels = {name: estimated_sigma(image) for name, image in own.items()}
    pictures = {}
    for i, name in enumerate(list(own)[:5], start=1):
        image = own[name]
        row = {"given": image, "denoised": denoiser(levels[name])(image)}
        row = {title: grey(its) for title, its in row.items()}
        row["taken away"] = grey(image - denoiser(levels[name])(image), -0.3, 0.3)
        pictures[f"own_{i}"] = panels([row], width=4.0)
    lines = [f"{name}: noise {sigma:.3f} of bright tissue" for name, sigma in levels.items()]
    return pictures | {"own_noise": Text("\n".join(lines) + "\n")}
