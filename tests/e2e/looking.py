"""What is wrong with a page, as a browser sees it: axe's findings and a page that is too wide."""

from pathlib import Path

AXE = (Path(__file__).parent / "vendor" / "axe-4.14.1.min.js").read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SIZES = {"wide": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
LOOKS = [(size, scheme) for size in SIZES for scheme in ("light", "dark")]
LIVE = 20_000


def faults_of(page) -> list[str]:
    """What axe finds on a page, one line for each place."""
    page.evaluate(AXE)
    found = page.evaluate(
        "async (tags) => (await axe.run(document, {runOnly: tags})).violations", TAGS
    )
    return [
        f"{one['id']}: {place['html'][:160]} {place.get('failureSummary', '')[:200]}"
        for one in found
        for place in one["nodes"]
    ]


def check(page, name: str, url: str) -> list[str]:
    """All that is wrong with one page."""
    page.goto(url)
    overflow = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    wrong = [f"{name}: {one}" for one in faults_of(page)]
    return [*wrong, f"{name}: {overflow} px too wide"] if overflow > 0 else wrong


def check_all(page, pages: dict[str, str]) -> list[str]:
    """All that is wrong with several pages."""
    return [fault for name, url in pages.items() for fault in check(page, name, url)]


def complaints_of(page, urls, *, expected: str = "") -> list[str]:
    """What the browser itself says against pages, but for what is `expected` of them."""
    said = []
    page.on(
        "console",
        lambda one: said.append(f"{page.url}: {one.text}") if one.type == "error" else None,
    )
    for url in urls:
        page.goto(url)
        page.wait_for_load_state("load")
    return [one for one in said if not expected or expected not in one]
