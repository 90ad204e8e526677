"""To be written."""


def section(quick: bool = False) -> str:
    return ""
