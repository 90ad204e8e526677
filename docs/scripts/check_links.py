"""Check the links of built pages without a network: ``python docs/scripts/check_links.py FOLDER``.

Each ``href`` and ``src`` that stays within the site must lead to a file, and its fragment to an
element of that page. A page that no other page links to is an error, too.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ALONE = {"index.html", "search.html", "genindex.html", "404.html", "py-modindex.html"}
"""Pages that the theme or a server leads to."""


class Page(HTMLParser):
    """The links of a page, and the places in it that links can lead to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value is None:
                continue
            if name in ("href", "src"):
                self.links.append(value)
            elif name == "id" or (name == "name" and tag == "a"):
                self.places.add(value)


def broken_links(folder: Path) -> tuple[list[str], int, int, set[str]]:
    """Say which links lead nowhere, how many pages and links there are, which hosts others name."""
    written = [
        p for p in sorted(folder.rglob("*.html")) if p.relative_to(folder).parts[0] != "_static"
    ]
    pages = {path: Page(path.read_text("utf-8")) for path in written}
    broken, count, hosts, reached = [], 0, set(), set()
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                hosts.add(parts.netloc or parts.scheme)
                continue
            count += 1
            target = path
            if parts.path:
                target = (path.parent / unquote(parts.path)).resolve()
            name = f"{path.relative_to(folder)}: {link}"
            if not target.is_file():
                broken.append(f"{name} (no such file)")
                continue
            if target != path:
                reached.add(target)
            fragment = unquote(parts.fragment)
            if fragment and target in pages and fragment not in pages[target].places | {"top"}:
                broken.append(f"{name} (no such place)")
    broken += [
        f"{path.relative_to(folder)} (no page links to it)"
        for path in pages
        if path not in reached and path.name not in ALONE
    ]
    return broken, len(pages), count, hosts


def main() -> int:
    folder = Path(sys.argv[1]).resolve()
    broken, pages, count, hosts = broken_links(folder)
    for line in broken:
        print(line, file=sys.stderr)
    print(f"{pages} pages, {count} links within the site, {len(broken)} broken.")
    print(f"Outside: {', '.join(sorted(hosts)) or 'none'}.")
    return 1 if broken or not count else 0


if __name__ == "__main__":
    sys.exit(main())
