"""The service's manual at `/docs`: one page made of its own OpenAPI, with nothing fetched from elsewhere."""

from __future__ import annotations

import json
from html import escape
from typing import Any

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    ":root{color-scheme:light dark}"
    "pre{overflow:auto;padding:.7rem;border:1px solid #8886;border-radius:.3rem}"
    "code,pre{font-family:ui-monospace,monospace;font-size:.9rem}"
    "table{border-collapse:collapse}td,th{padding:.2rem .7rem;text-align:left;border-bottom:1px solid #8886}"
)
CURL = (
    "curl {address}/v1/reports -F files=@image.dcm",
    "curl {address}/v1/reports -F files=@frontal.png -F files=@lateral.png -F views=frontal,lateral",
    "curl '{address}/v1/reports?format=fhir' -F files=@image.dcm",
    "curl {address}/v1/reports -H 'Accept: application/dicom' -F files=@image.dcm -o report.dcm",
)


def manual(openapi: dict[str, Any], address: str) -> str:
    """Return the page.

    Args:
        openapi: The application's own description.
        address: Where it is served, for the examples to type.
    """
    about = openapi["info"]
    examples = "\n".join(line.format(address=address) for line in CURL)
    parts = [
        f"<h1>{escape(about['title'])} {escape(about['version'])}</h1><p>{escape(about['description'])}</p>",
        f"<p>To type:</p><pre>{escape(examples)}</pre>",
        '<p>The same for programs: <a href="openapi.json">openapi.json</a>.</p>',
    ]
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            parts.append(_operation(f"{method.upper()} {path}", operation))
    title = escape(about["title"])
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    body = "".join(parts)
    return (
        f'<!doctype html><html lang="en"><head>{head}<style>{STYLE}</style></head><body>{body}</body></html>'
    )


def _operation(title: str, operation: dict[str, Any]) -> str:
    parts = [f"<h2><code>{escape(title)}</code></h2><p>{escape(operation.get('description', ''))}</p>"]
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<p>Takes <code>{escape(kind)}</code>:</p>{_fields(content['schema'])}")
    rows = ""
    for status, answer in operation.get("responses", {}).items():
        kinds = ", ".join(answer.get("content", {}))
        example = answer.get("content", {}).get("application/json", {}).get("example")
        rows += f"<tr><td>{escape(str(status))}<td>{escape(answer['description'])}<td>{escape(kinds)}"
        if example is not None and str(status) == "200":
            parts.append(f"<p>For example:</p><pre>{escape(json.dumps(example, indent=1))}</pre>")
    return "".join([*parts, f"<table><tr><th>Status<th>Meaning<th>Form{rows}</table>"])


def _fields(schema: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code><td>{escape(_kind(field))}"
        f"<td>{escape(field.get('description', ''))}"
        for name, field in schema.get("properties", {}).items()
    )
    return f"<table><tr><th>Field<th>Kind<th>{rows}</table>"


def _kind(field: dict[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(field["enum"])
    if field.get("type") == "array":
        items = field["items"]
        inner = ", ".join(f"{name}: {_kind(one)}" for name, one in items.get("properties", {}).items())
        return f"list of {{{inner}}}" if inner else f"list of {_kind(items)}"
    return {"binary": "file", "byte": "base64"}.get(field.get("format", ""), str(field.get("type", "")))
