"""Figures of what time buys."""

from matplotlib.figure import Figure

from gen_ai_examples.common.media import Picture, render


def distance_over_time(
    each: dict[str, float],
    latency: dict[str, float],
    distance: dict[str, float],
    steps: dict[str, int],
    best: float,
) -> Picture:
    """Distance over time per image, both on log scales.

    Args:
        each: seconds per image of a batch, by model, as the next two.
        latency: seconds for one image.
        distance: to real images, lower is better.
        steps: of those models that are one flow with so many steps, and one line.
        best: the distance of real images.
    """
    lines = {name: [name] for name in distance if name not in steps} | {"flow": [*steps]}
    figure = Figure(figsize=(7.6, 4.8), layout="constrained")
    axes = figure.subplots()
    for i, (label, names) in enumerate(lines.items()):
        for times, style in (
            (each, dict(label=label)),
            (latency, dict(linestyle=":", markerfacecolor="none")),
        ):
            xs = [1e3 * times[name] for name in names]
            ys = [distance[name] for name in names]
            axes.plot(xs, ys, color=f"C{i}", marker="xsDv^o"[i], **style)
    for name, n in steps.items():
        at = (1e3 * each[name], distance[name])
        axes.annotate(f"{n}", at, xytext=(4, 4), textcoords="offset points")
    axes.axhline(best, color="grey", linestyle="--", label="real digits")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="milliseconds per image (filled: in a batch, hollow: one at a time)",
        ylabel="Frechet distance of digit features",
    )
    axes.grid(alpha=0.3)
    axes.legend()
    return render(figure)
