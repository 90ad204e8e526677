"""Estimate the remaining time of work, and write durations for progress bars and plans."""

MIN_FRACTION_TO_ESTIMATE = 0.05
"""Part of the work that must be done before the remaining time is estimated. Set by eye: earlier
the time jumps."""


def estimate_seconds_left(elapsed: float, fraction: float) -> float | None:
    """Estimate the remaining time of work that goes on as fast as before.

    Parameters
    ----------
    elapsed : float
        Time since the beginning, in seconds.
    fraction : float
        Part of the work that is done, 0 to 1.

    Returns
    -------
    float or None
        Seconds; None near the beginning, where the estimate is too uncertain.

    Examples
    --------
    >>> estimate_seconds_left(30, 0.75), estimate_seconds_left(1, 0.01)
    (10.0, None)
    """
    if fraction <= MIN_FRACTION_TO_ESTIMATE:
        return None
    return elapsed * (1 - fraction) / fraction


def format_duration(seconds: float) -> str:
    """Write a duration in rounded seconds, minutes or hours.

    Parameters
    ----------
    seconds : float
        The duration, in seconds.

    Returns
    -------
    str
        Such as "about 5 s", "about 3 min" or "about 2.5 h".

    Examples
    --------
    >>> format_duration(4.8), format_duration(200), format_duration(9000)
    ('about 5 s', 'about 3 min', 'about 2.5 h')
    """
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"
