"""What is published: the README's first lines, links and names that lead somewhere, versions and their dates."""

import datetime
import importlib.util
import re
from pathlib import Path

import pytest

import fastmlp

ROOT = Path(fastmlp.__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
pytestmark = pytest.mark.skipif(not (ROOT / "README.md").is_file(), reason="installed without its documentation")


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_readme_opens_with_two_lines_that_do_everything():
    opening, block, *_ = text_of("README.md").split("```")
    install, tests = block.strip().splitlines()
    assert "#" not in opening.removeprefix("# fastmlp")
    assert re.fullmatch(r"python3 -m venv \.venv && .* install .* && \.venv/bin/fastmlp train digits", install)
    assert tests.startswith(".venv/bin/python -m pytest")


def anchor(heading):
    return re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith("http"):
            continue
        name, _, heading = target.partition("#")
        found = page.parent / name if name else page
        assert found.exists(), f"{page.name} links to {target}"
        if heading:
            headings = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in map(anchor, headings), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_and_programs_that_are_named_are_there(page):
    """In an unpacked source distribution too."""
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"(?<![\w/.*-])(?:\.ci|docs|tests|benchmarks|fastmlp)/[\w./-]*\w/?", text):
        assert (ROOT / name).exists(), f"{page.name} names {name}"
    for module in re.findall(r"python -m ((?:tests|benchmarks|fastmlp)[\w.]*\w)", text):
        assert importlib.util.find_spec(module), f"{page.name} names {module}"


def test_versions_stand_in_the_changelog_with_their_dates():
    text = text_of("CHANGELOG.md")
    releases = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (.*)$", text, re.MULTILINE)
    versions, dates = zip(*releases, strict=True)
    assert versions[0] == fastmlp.__version__
    assert list(map(datetime.date.fromisoformat, dates)) == sorted(
        map(datetime.date.fromisoformat, dates), reverse=True
    )
    assert set(re.findall(r"^\[(.*?)\]: https://", text, re.MULTILINE)) == set(versions)
