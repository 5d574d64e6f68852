"""Every sentence that explains a segment can be said in Chinese: those of our captures, and every one that the program can make."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import tcpinspect as ti
from tcpinspect.insight.why import tell, tell_all
from tcpinspect.report.language import language

CAPTURES = Path(__file__).parents[2] / "captures"
CHINESE = language("zh")
# What may stand in a place of a sentence, by the expression there: by its end, the first that fits.
_VALUES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"duration\(.*\)|took|ago|age|trip|since_\w+|quiet|timer|rto", ("1.37 ms", "2 min 3 s", "–")),
    (r"count\(.*'tick'\)", ("1 tick", "3 ticks")),
    (r"count\(.*'octet'\)", ("1 octet", "1,448 octets")),
    (r"duplicates", ("no duplicate ACKs", "1 duplicate ACK", "16 duplicate ACKs")),
    (r"often", ("once", "twice", "7 times")),
    (r"by", ("frame 9",)),
    (r"sacked", ("", " (1,448 octets behind it selectively acknowledged)")),
    (r"where", ("between the capture point and the receiver", "before the capture point")),
    (r"state", ("ESTABLISHED", "FIN-WAIT-2")),
    (r"'is' if fresh == 1 else 'are'", ("is", "are")),
    (r"own", ("since it last sent data", "and it had not sent any data itself")),
    (r"half", ("", " Its numbers are of a connection that the other side does not know: half-open (figure 9).")),
    (r"kind", ("not doubled, as after a probe", "doubled, as after a timeout")),
    (r"rest", ("", "; 1 octet of it is new", "; 12 octets of it are new")),
    (r"how", ("older",)),
    (r"order", ("before",)),
    (r"'\?' if edge is None else edge", ("65,536", "65536", "?")),
    (r"number\(.*\)|.*frame.*|echo|mine|seq|low|high|edge|unanswered|.*relative\(.*\)|.*\.ack|.*ts_ecr|\(high or 0\) - 1|overtaken",
     ("7", "-300")),
)  # fmt: skip
# Clauses that have a name, those that others hold first.
_CLAUSES = ("what", "which", "told")


def _filled(node: ast.expr, names: dict[str, list[str]]) -> Iterator[str]:
    """The texts that an expression of a sentence can be, with samples for its numbers."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        parts = re.split(r"{(\w+)}", node.value)
        choices = [_samples(part, names) if n % 2 else [part] for n, part in enumerate(parts)]
        yield from map("".join, itertools.product(*choices))
    elif isinstance(node, ast.JoinedStr):
        pieces = [[v.value] if isinstance(v, ast.Constant) else _samples(ast.unparse(v.value), names) for v in node.values]  # type: ignore[attr-defined]
        yield from map("".join, itertools.product(*pieces))
    elif isinstance(node, ast.IfExp):
        yield from _filled(node.body, names)
        yield from _filled(node.orelse, names)
    elif isinstance(node, ast.BinOp):
        yield from map("".join, itertools.product(_filled(node.left, names), _filled(node.right, names)))


def _samples(expression: str, names: dict[str, list[str]]) -> list[str]:
    if expression in names:
        return names[expression]
    for pattern, values in _VALUES:
        if re.fullmatch(pattern, expression):
            return list(values)
    raise AssertionError(f"a sentence has a new place, {expression}: what stands there, and how is it said in Chinese?")


def _made(block: list[ast.stmt], names: dict[str, list[str]]) -> Iterator[str]:
    """The sentences of a block of statements. A clause that has a name is filled in where the block, or the one around it, sets it."""
    inside = [node for statement in block if not isinstance(statement, ast.FunctionDef) for node in ast.walk(statement)]
    set_here = [n for n in inside if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name)]
    for clause in _CLAUSES:
        values = [text for n in set_here if n.targets[0].id == clause for text in _filled(n.value, names)]  # type: ignore[attr-defined]
        names = names | ({clause: values} if values else {})
    for statement in block:
        if isinstance(statement, ast.If):
            yield from _made(statement.body, names)
            yield from _made(statement.orelse, names)
        elif isinstance(statement, ast.FunctionDef):
            yield from _made(statement.body[1:] if ast.get_docstring(statement) else statement.body, names)
        else:
            yield from _sentences(statement, names)


def _sentences(node: ast.AST, names: dict[str, list[str]]) -> Iterator[str]:
    """The texts under a node that end as a sentence does."""
    if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp) and _last(node).rstrip("}").endswith("."):
        yield from _filled(node, names)
        return
    for child in ast.iter_child_nodes(node):
        yield from _sentences(child, names)


def _last(node: ast.expr) -> str:
    """The last words of a text."""
    if isinstance(node, ast.BinOp):
        return _last(node.right)
    if isinstance(node, ast.IfExp):
        return _last(node.body)
    if isinstance(node, ast.JoinedStr):
        text = next((v.value for v in reversed(node.values) if isinstance(v, ast.Constant)), "")
        return str(text)
    return str(node.value) if isinstance(node, ast.Constant) else ""


def sentences() -> set[str]:
    """Every sentence that the module `tell` can make, its numbers and clauses filled in."""
    body = ast.parse(inspect.getsource(tell)).body[1:]
    return {text for text in _made(body, {}) if " " in text and not re.fullmatch(r"[\d.]+", text)}


def test_every_sentence_that_the_program_can_make_has_its_chinese() -> None:
    said = sentences()
    assert len(said) > 150
    left = sorted(text for text in said if not CHINESE.knows(text.strip()))
    assert left == []


@pytest.mark.parametrize("folder", [CAPTURES, CAPTURES / "lab"], ids=["captures", "lab"])
def test_every_explanation_in_our_captures_has_its_chinese(folder: Path) -> None:
    left: set[str] = set()
    for path in sorted(folder.glob("*.pcap*")):
        analysis = ti.analyze(path)
        for connection in analysis.connections[:12]:
            for told in tell_all(analysis.segments_of(connection.stream), analysis.steps_of(connection.stream)):
                for text in (told.sentence, *told.details):
                    said = CHINESE.sentence(text)
                    # Two English words in a row: something was not translated.
                    if not CHINESE.knows(text) or re.search(r"\b[a-z]{2,} [a-z]{2,}\b", said):
                        left.add(f"{text} -> {said}")
    assert left == set()
