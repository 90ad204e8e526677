"""Write durations for progress bars and plans."""


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
