import hashlib
import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
VENDORS = [ROOT / "static" / "vendor", ROOT / "tests" / "e2e" / "vendor"]


@pytest.mark.parametrize("folder", VENDORS, ids=lambda one: one.parent.name)
def test_files_of_others_are_as_they_came(folder):
    readme = (folder / "README.md").read_text()
    recorded = dict(re.findall(r"^\| (\S+\.js) \|.*\| ([0-9a-f]{64}) \|$", readme, re.M))

    found = {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in folder.glob("*.js")}

    assert found == recorded
    assert found


def test_pages_carry_neither_styles_nor_scripts_of_their_own():
    for template in (ROOT / "templates").rglob("*.html"):
        text = template.read_text()
        assert " style=" not in text, template
        assert "<style" not in text, template
        assert not re.search(r"<script(?![^>]+src=)", text), template
        assert not re.search(r"\son[a-z]+=", text), template


def test_the_sheet_stays_small():
    assert len((ROOT / "static" / "console.css").read_bytes()) < 24_000


def test_every_vendored_file_is_used():
    base = (ROOT / "templates" / "base.html").read_text()
    for one in VENDORS[0].glob("*.js"):
        assert one.name in base
