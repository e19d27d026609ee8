"""The documentation is true: every example and every YAML block in it passes the spec's schema and compiles."""

import re
from pathlib import Path

import pytest

from mimc.compiler.load import load
from mimc.compiler.modules import ModuleCatalogue
from mimc.compiler.spec import check_all, read_spec
from mimc.compiler.validate import validate, validate_layer

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
BLOCKS = [
    pytest.param(match[1], id=f"{page.name}:{page.read_text('utf-8')[: match.start()].count(chr(10)) + 1}")
    for page in PAGES
    for match in re.finditer(r"^```yaml\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
]


@pytest.mark.parametrize("text", BLOCKS)
def test_a_yaml_block_of_the_documentation_fits_the_schema(text: str) -> None:
    loaded = load(text.encode(), "page.md")
    if "apiVersion" not in loaded.data:
        assert validate_layer(loaded, "spec") == []
        return
    assert validate(loaded, "spec") == []
    check_all(read_spec(text.encode(), "page.md", open_modules=lambda folders: ModuleCatalogue()))


@pytest.mark.parametrize(
    "file", sorted((ROOT / "examples").glob("*/*.yaml")), ids=lambda file: file.parent.name
)
def test_an_example_is_valid_in_every_target(file: Path) -> None:
    check_all(read_spec(file.read_bytes(), str(file)))


def test_every_link_between_pages_leads_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#:]+)[^):]*\)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"
