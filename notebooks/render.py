"""Run the notebooks and show them: as pages for a browser, and a small picture of each for this folder's README.

    python notebooks/render.py -o pages              # pages/01-first-look.html ...; needs pip install tcpinspect[notebook]
    python notebooks/render.py -o pages 03-the       # those that begin so
    python notebooks/render.py --pictures            # notebooks/pictures/*.png again
    python notebooks/render.py --rendered            # notebooks/rendered/*.md, what the README links to

The notebooks themselves stay as they are: stored without outputs.
"""

from __future__ import annotations

import argparse
import base64
import io
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# Which picture of a notebook stands for it, counted from 0.
CHOSEN = {
    "01-first-look": 0, "02-the-header": 1, "03-the-handshake": 1, "04-the-teardown": 2, "05-eleven-states": 0,
    "06-loss-and-the-clock": 0, "07-windows": 0, "08-no-messages": 0, "09-a-slow-capture": 1, "10-ten-thousand-connections": 0,
    "11-capturing-live": 0,
}  # fmt: skip
_WIDTH, _MOST_HEIGHT, _COLORS = 560, 420, 160


def executed(path: Path) -> Any:
    """The notebook with its outputs, run in a kernel of its own."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(HERE)}}).execute()
    return notebook


def picture(notebook: Any, number: int) -> bytes:
    """The PNG with this number among all in the outputs."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    found = [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    return base64.b64decode(found[number])


def write_small(png: bytes, path: Path, width: int = _WIDTH, most_height: int = _MOST_HEIGHT) -> None:
    """The picture in few colours; of a long one the upper part."""
    from PIL import Image

    image = Image.open(io.BytesIO(png)).convert("RGB")
    if image.width > width:
        image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    image = image.crop((0, 0, image.width, min(image.height, most_height)))
    image.quantize(_COLORS, dither=Image.Dither.NONE).save(path, optimize=True)


def write_page(notebook: Any, path: Path) -> None:
    """The notebook as one page of HTML."""
    from nbconvert import HTMLExporter

    page, _ = HTMLExporter().from_notebook_node(notebook)
    path.write_text(page, encoding="utf-8")


def write_rendered(notebook: Any, name: str) -> None:
    """The notebook as Markdown, for whoever reads the repository in a browser: with its pictures, without what only scripts show."""
    from nbconvert import MarkdownExporter

    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                data.pop("text/html", None)
            elif "text/html" in data:
                data["text/html"] = re.sub(r"<(svg|style|script).*?</\1>", "", data["text/html"], flags=re.DOTALL)
    text, resources = MarkdownExporter().from_notebook_node(notebook, resources={"unique_key": name})
    folder = HERE / "rendered"
    for file, png in resources["outputs"].items():
        if file.endswith(".png"):
            write_small(png, folder / file, 840, 2400)
    (folder / f"{name}.md").write_text(f"*[The notebook](../{name}.ipynb) with its outputs.*\n\n{text.strip()}\n", encoding="utf-8")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description="Run the notebooks and show them.")
    parser.add_argument("names", nargs="*", help="those that begin so; all without a name")
    parser.add_argument("-o", "--output", type=Path, help="write a page of HTML for each into this folder")
    parser.add_argument("--pictures", action="store_true", help="make the README's pictures again")
    parser.add_argument("--rendered", action="store_true", help="write notebooks/rendered/*.md again")
    options = parser.parse_args()
    if not options.pictures and not options.rendered and options.output is None:
        parser.error("nothing to do: give -o FOLDER, --pictures, --rendered, or several of them")
    for folder in ("pictures", "rendered"):
        (HERE / folder).mkdir(exist_ok=True)
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
    for path in sorted(HERE.glob("*.ipynb")):
        if options.names and not path.stem.startswith(tuple(options.names)):
            continue
        notebook = executed(path)
        if options.output is not None:
            write_page(notebook, options.output / f"{path.stem}.html")
        if options.pictures:
            write_small(picture(notebook, CHOSEN[path.stem]), HERE / "pictures" / f"{path.stem}.png")
        if options.rendered:
            write_rendered(notebook, path.stem)
        print(path.stem)


if __name__ == "__main__":
    main()
