"""Pages for people, written without a template: the stand-ins have few and plain ones."""

from html import escape

from sandbox.messages import Reply

STYLESHEET = "/_sandbox/style.css"
POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'self'"}
_VOID = {"input", "link", "meta"}


class Html(str):
    """Text that is markup already, and safe as it stands."""

    __slots__ = ()


def tag(kind: str, /, *inner: str, **attributes: str | bool) -> Html:
    """Write one element; what is inside is escaped unless it is markup already.

    A trailing underscore in an attribute's name goes away (`for_`), others become hyphens.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items() if value)
    if kind in _VOID:
        return Html(f"<{kind}{written}>")
    return Html(f"<{kind}{written}>{joined(*inner)}</{kind}>")


def _attribute(key: str, value: str | bool) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'


def joined(*parts: str) -> Html:
    """Put markup and text side by side."""
    return Html("".join(part if isinstance(part, Html) else escape(part) for part in parts))


def hidden(name: str, value: str) -> Html:
    """Write a field that travels with a form unseen."""
    return tag("input", type="hidden", name=name, value=value)


def items(texts: list[str]) -> Html:
    """Write a list."""
    return tag("ul", *(tag("li", text) for text in texts))


def page(title: str, *body: str, status: int = 200) -> Reply:
    """Make a whole page whose heading is its title."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("link", rel="stylesheet", href=STYLESHEET),
    )
    main = tag("main", tag("h1", title), *body)
    text = "<!DOCTYPE html>" + tag("html", head, tag("body", main), lang="en")
    return Reply(status, text.encode(), POLICY, "text/html; charset=utf-8")


def redirect(url: str, *, status: int = 302) -> Reply:
    """Send a browser elsewhere."""
    return Reply(status, headers={"Location": url}, media_type="text/plain")
