"""Render the report of a batch as one HTML page that needs no other file."""

from collections.abc import Iterable
from html import escape
from string import Template

from napari_tf_deblur import __version__
from napari_tf_deblur._files.before_after import BeforeAfter
from napari_tf_deblur._files.table import BatchTable, Row

REPORT_HEADER = "<!doctype html><!-- napari-tf-deblur: report of a batch -->"
"""The first line of a report, by which a batch recognises it."""

MAX_PICTURES = 400
"""Largest number of images with pictures. Limit: of memory, of the browser; each takes 100 kB."""

_PAGE = Template(
    REPORT_HEADER
    + """
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Deblurred images</title>
<style>
body { font: 16px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem;
  color: #1d232b; background: #fff; }
h1 { font-size: 1.5rem; margin-bottom: .25rem; }
h2 { font-size: 1.1rem; margin: 0; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; font-size: .85rem; }
article { border-top: 1px solid #cdd3da; padding: 1rem 0; }
.status { display: inline-block; border-radius: .25rem; padding: 0 .5rem; font-size: .85rem;
  background: #dfe9e2; color: #14401f; }
.failed, .stopped { background: #f7dcd7; color: #6d1708; }
.about { color: #55606c; font-size: .9rem; }
.warning { border-left: .25rem solid #c98a00; padding-left: .6rem; }
figure { display: inline-block; margin: .5rem 1rem 0 0; vertical-align: top; }
figure img { width: 20rem; max-width: 100%; image-rendering: pixelated; display: block;
  background: #000; }
figcaption { font-size: .85rem; color: #55606c; }
@media (prefers-color-scheme: dark) {
  body { color: #e4e8ec; background: #14181d; }
  article { border-color: #353d46; }
  .about, figcaption { color: #a3adb8; }
  .status { background: #1f3b28; color: #c9ecd2; }
  .failed, .stopped { background: #54201a; color: #ffd9d2; }
}
</style>
</head>
<body>
<h1>Deblurred images</h1>
<p>$summary <span class="about">napari-tf-deblur $version. Before and after are shown at the same
contrast; of a volume or a series, the middle plane.$pictures</span></p>
<details><summary>Settings</summary><pre>$settings</pre></details>
$articles
</body>
</html>
"""
)

_ARTICLE = Template(
    """<article>
<h2>$title <span class="status $kind">$status</span></h2>
<p>$sentence</p>
$warnings<p class="about">$about</p>
$figures
</article>
"""
)

_PAIR = Template(
    """<figure><img src="$before" alt="$name before">
<figcaption>${label}before</figcaption></figure>
<figure><img src="$after" alt="$name after">
<figcaption>${label}after</figcaption></figure>
"""
)


def render_report(table: BatchTable, settings: str) -> str:
    """Render the report of a batch; text that comes from files is escaped.

    Parameters
    ----------
    table : BatchTable
        The rows of the batch.
    settings : str
        The settings, as the text of a settings file.

    Returns
    -------
    str
        An HTML page.
    """
    articles = "".join(map(_article, table.rows))
    return _PAGE.substitute(
        summary=escape(table.summarize()),
        pictures=f" The first {MAX_PICTURES} have pictures." * (len(table.rows) > MAX_PICTURES),
        version=escape(__version__),
        settings=escape(settings),
        articles=articles,
    )


def _article(row: Row) -> str:
    seconds = f"{row.seconds:.1f} s" if row.seconds else ""
    result = f"Result: {row.result}" if row.result and row.is_success else ""
    details = [row.settings or row.blur, row.shape, seconds, result]
    return _ARTICLE.substitute(
        title=escape(f"{row.file}{f', {row.image}' if row.image else ''}"),
        kind=escape(row.status.split()[0]),
        status=escape(row.status),
        sentence=escape(row.sentence),
        warnings="".join(f'<p class="warning">{escape(one)}</p>\n' for one in row.warnings),
        about="<br>".join(escape(part) for part in details if part),
        figures=_figures(row.pictures),
    )


def _figures(pairs: Iterable[BeforeAfter]) -> str:
    pairs = list(pairs)
    return "".join(
        _PAIR.substitute(
            before=escape(one.before),
            after=escape(one.after),
            name=escape(one.name),
            label=escape(f"{one.name}, ") if len(pairs) > 1 else "",
        )
        for one in pairs
    )
