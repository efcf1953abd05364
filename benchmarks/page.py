"""One self-contained HTML page: tables that sort by a click, and figures inside it.

It loads nothing: styles, script and pictures stand in it, and its content security policy lets
in nothing else. All text, which models and tasks may have written, is escaped.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

from .drawing import plain
from .metrics import Average
from .rendering import Cell, Column, Rate, Table, said
from .viewer import inline

CAPTIONS = {
    "pass_rate": "Pass rate by suite, with 95 % intervals.",
    "cost": "What a trial costs against the pass rate, over all suites.",
    "outcomes": "What became of the trials planned.",
    "api_calls": "The APIs called most, in calls a tree.",
}
NARROW = 24  # letters that stand in one line
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{css}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
<script>{js}</script>
</body>
</html>
"""


def page(
    title: str,
    tables: Sequence[Table],
    *,
    warnings: Sequence[str] = (),
    figures: Mapping[str, bytes] | None = None,
    viewer: Mapping[str, Any] | None = None,
) -> str:
    """The page as text.

    Args:
        title: of the page.
        tables: in the order shown.
        warnings: shown first.
        figures: SVG by name, shown before the second table; they are pictures of the page and
            not parts of it, so that nothing in them runs.
        viewer: the document that the viewer draws trees of, shown first.
    """
    css, js = (_data(f"report.{kind}") for kind in ("css", "js"))
    if viewer is not None:
        css, js = f"{css}\n{inline.style()}", f"{js}\n{inline.script()}"
    policy = (
        f"default-src 'none'; img-src data:; style-src {content_hash(css)}; "
        f"script-src {content_hash(js)}; base-uri 'none'; form-action 'none'"
    )
    links = ['<a href="#trees">Trees</a>'] if viewer is not None else []
    links += [f'<a href="#{escape(t.name)}">{_text(t.title)}</a>' for t in tables]
    body = [f"<nav>{' '.join(links)}</nav>"]
    if warnings:
        said_ = "".join(f"<p>{_text(warning)}</p>" for warning in warnings)
        body.append(f'<section class="warnings" role="note">{said_}</section>')
    parts = [html_table(table) for table in tables]
    if figures:
        parts[1:1] = [f'<section id="figures"><h2>Figures</h2>{_pictures(figures)}</section>']
    if viewer is not None:
        shown = '<section id="trees"><h2>Trees</h2><div id="viewer"></div></section>'
        body.append(f"{shown}{inline.block(viewer)}")
    body += parts
    return _PAGE.format(policy=policy, title=_text(title), css=css, js=js, body="\n".join(body))


def html_table(table: Table) -> str:
    """A section with the table, its title and its notes."""
    heads = "".join(
        f'<th scope="col"{_number(column, True)}><button type="button">{_text(column.title)}'
        "</button></th>"
        for column in table.columns
    )
    rows = "\n".join(f"<tr>{''.join(map(_cell, row, table.columns))}</tr>" for row in table.rows)
    notes = "".join(f'<p class="note">{_text(note)}</p>' for note in table.notes)
    return (
        f'<section id="{escape(table.name)}">\n<h2>{_text(table.title)}</h2>\n'
        f'<div class="scroll"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n'
        f"</table></div>\n{notes}\n</section>"
    )


def _cell(cell: Cell, column: Column) -> str:
    value = cell.value if isinstance(cell, Rate | Average) else cell
    sort_by = "" if value is None else f' data-v="{_text(str(value))}"'
    text = said(cell, column.form)
    kind = ' class="long"' if column.form == "text" and len(text) > NARROW else _number(column)
    return f"<td{kind}{sort_by}>{_text(text)}</td>"


def _number(column: Column, head: bool = False) -> str:
    if column.form == "text":
        return ""
    return ' class="number" data-number' if head else ' class="number"'


def _pictures(figures: Mapping[str, bytes]) -> str:
    found = []
    for name, svg in figures.items():
        caption = _text(CAPTIONS.get(name, name))
        source = f"data:image/svg+xml;base64,{b64encode(svg).decode()}"
        image = f'<img src="{source}" alt="{caption} The tables have the numbers.">'
        found.append(f"<figure>{image}<figcaption>{caption}</figcaption></figure>")
    return "\n".join(found)


def _text(text: str) -> str:
    return escape(plain(text), quote=True)


def page_style() -> str:
    """The style sheet that all pages share."""
    return _data("report.css")


def _data(name: str) -> str:
    return (files(__package__) / "data" / name).read_text("utf-8").strip()


def content_hash(text: str) -> str:
    """What a content security policy calls an inline text by."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
