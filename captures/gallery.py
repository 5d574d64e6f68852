"""Make the README's gallery again: a small picture of every kind, and the section with the command under each.

    python captures/gallery.py

Pictures go to `captures/gallery/`; the section between the markers in README.md is replaced. A test compares both.
"""

from __future__ import annotations

import io
import shlex
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PICTURES = HERE / "gallery"
BEGIN, END = "<!-- gallery -->", "<!-- /gallery -->"
# Small: a page with all of them is for looking over, not for reading.
_DPI, _COLORS = 80, 128
_COLUMNS = 2


class Piece(NamedTuple):
    """One picture: its kind, the capture, further options of the command, and what is seen."""

    kind: str
    capture: str
    options: str
    shows: str

    @property
    def command(self) -> str:
        """What to type, from the root of the repository."""
        return " ".join(filter(None, ("tcpinspect plot", self.kind, f"captures/{self.capture}", self.options, f"-o {self.kind}.png")))


GALLERY: tuple[Piece, ...] = (
    Piece("ladder", "normal-close-by-client.pcap", "", "Every segment, both sides' states, handshake and teardown framed"),
    Piece("machine", "simultaneous-close.pcap", "--stream 0", "The way through RFC 9293's states, here over CLOSING"),
    Piece("states", "half-close-with-data.pcap", "", "States over time; hatched is assumed"),
    Piece("sequence", "lossy-transfer.pcap", "", "Stevens' and tcptrace's graph: ACK line, window, SACK, R, O, 3"),
    Piece("throughput", "lossy-transfer.pcap", "", "Octets a second, and which were sent again"),
    Piece("rtt", "lossy-transfer.pcap", "", "Round trips, smoothed, and RFC 6298's timeout"),
    Piece("window", "zero-window.pcap", "--theme dark", "The window offered, octets in flight, full and zero"),
    Piece("segments", "offload-left-on.pcap.gz", "", "Sizes; larger than the MSS where the card joins segments"),
    Piece("overview", "many-connections.pcapng", "", "All connections of a capture by outcome"),
    Piece("handshakes", "many-connections.pcapng", "", "How long handshakes took"),
    Piece("teardowns", "many-connections.pcapng", "", "How long teardowns took, by kind"),
    Piece("dwell", "many-connections.pcapng", "--theme dark", "How long each state lasted"),
    Piece("header", "normal-close-by-client.pcap", "--frame 1", "A segment's header as RFC 9293 draws it, with its values"),
    Piece("layers", "ipv6-normal-close.pcap", "--frame 6", "The octets of a frame in the layers that wrap them"),
)


def draw(piece: Piece) -> Any:
    """The axes of a picture, made as the command makes them."""
    import tcpinspect as ti
    from tcpinspect import plot

    words = iter(shlex.split(piece.options))
    options = {name.removeprefix("--"): value for name, value in zip(words, words, strict=True)}
    if "frame" in options:
        from tcpinspect.insight.dissect import frame_of

        found = frame_of(HERE / piece.capture, int(options.pop("frame")))
        return getattr(plot, piece.kind)(found, **options)
    analysis = ti.analyze(HERE / piece.capture)
    stream = options.pop("stream", "0")
    of_all = piece.kind in ("overview", "handshakes", "teardowns", "dwell")
    return getattr(plot, piece.kind)(analysis if of_all else analysis.connections[int(stream)], **options)


def write(piece: Piece, path: Path) -> None:
    """The picture small, in few colours."""
    from PIL import Image

    large = io.BytesIO()
    draw(piece).get_figure().savefig(large, format="png", dpi=_DPI, facecolor="auto")
    Image.open(large).convert("RGB").quantize(_COLORS, dither=Image.Dither.NONE).save(path, optimize=True)


def section() -> str:
    """The table of the README: the pictures, what they show, the command."""
    lines = ["<table>"]
    for n in range(0, len(GALLERY), _COLUMNS):
        lines.append("<tr>")
        for piece in GALLERY[n : n + _COLUMNS]:
            picture = f'<img src="captures/gallery/{piece.kind}.png" width="420" alt="{piece.shows}">'
            lines.append(f'<td valign="top">{picture}<br><b>{piece.kind}</b>: {piece.shows}<br><code>{piece.command}</code></td>')
        lines.append("</tr>")
    return "\n".join([*lines, "</table>"])


def main() -> None:
    """Draw every picture and put the section into the README."""
    PICTURES.mkdir(exist_ok=True)
    for piece in GALLERY:
        write(piece, PICTURES / f"{piece.kind}.png")
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text(f"{before}{BEGIN}\n{section()}\n{END}{after}", encoding="utf-8")
    print(f"{len(GALLERY)} pictures, {sum(path.stat().st_size for path in PICTURES.iterdir()) // 1000} kB")


if __name__ == "__main__":
    main()
