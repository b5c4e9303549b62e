"""Numbers as people read them."""


def format_number(value: float | None) -> str:
    """Three significant digits, without an exponent where people expect none; None is "nan"."""
    if value is None:
        return "nan"
    if value != 0 and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.2e}"
    # 999.5 rounds to 1,000, which "g" would write as 1e+03.
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"
