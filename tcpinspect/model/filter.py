"""Display filters: an expression over the columns of a table, compiled once, asked of every row. Floor 3.

    retransmission and payload_len > 0          src == 192.0.2.1 && dst_port in [80, 443]
    tcp_flags & 2                               ack_rtt_ns > 200ms or ack_rtt_ns is null

    tcp.flags.syn == 1 && ip.addr == 192.0.2.1  tcp_flags == "SYN,ACK" or tcp_flags contains "RST"

Names are columns, Wireshark's names for them (`tcp.len`), or headings of the text output. Values are integers (also 0x2f,
1_000_000, and 5s 200ms 10us 7ns, which are nanoseconds), texts in quotes (a word compared with a text needs none), bare
addresses, true, false and null. There are and or not (&& || !), comparisons, also chained, in and not in with a list or
within a text, contains, is null, is not null, and + - * / % & on numbers.

A time called by Wireshark's name (`tcp.analysis.rto`) is in seconds, as there; one called by its column (`rto_ns`) in ns.
`ip.addr` and `tcp.port` are both sides': == holds when one of them does, != when both do, as in Wireshark.

Unknown is null, as in SQL: what compares or computes with null is itself unknown, `not` of unknown is unknown, and a row
whose answer is unknown does not match. Only `is null` and `== null` see it. Dividing by zero is unknown too, but an error
where the divisor is a constant.

The text is cut into known tokens, the tokens are parsed by `ast`, and every node is translated by a list of those that
are allowed into plain functions; nothing of it is ever executed as Python.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, NoReturn

from tcpinspect.errors import FilterError
from tcpinspect.model.filter_names import ANY_ANALYSIS, FLAG, SECONDS, flag_mask, reads
from tcpinspect.model.filter_tokens import located, tokens
from tcpinspect.schema import Column

Row = Sequence[Any]
Value = Callable[[Row], Any]

MAX_TEXT = 20_000
MAX_DEPTH = 60  # nested operators; keeps the parser and the matching far from Python's own limit of recursion


class Filter:
    """A compiled display filter. `text` is what the user wrote, `columns` the names it reads, in the order of the schema."""

    def __init__(self, text: str, columns: tuple[str, ...], test: Value) -> None:
        self.text = text
        self.columns = columns
        self._test = test

    def __repr__(self) -> str:
        return f"Filter({self.text!r})"

    def matches(self, row: Row) -> bool:
        """Whether the row (in the order of the schema) is known to satisfy the filter."""
        return self._test(row) is True

    def rows(self, rows: Iterable[Any]) -> Iterator[Any]:
        """The rows that match, in their order."""
        test = self._test
        return (row for row in rows if test(row) is True)


def compile(text: str, schema: Sequence[Column]) -> Filter:
    """Understand a display filter for a table with these columns, or raise FilterError saying where it fails."""
    if len(text) > MAX_TEXT:
        raise FilterError(f"the filter is longer than {MAX_TEXT} characters")
    source, places, used, numbers = tokens(text, schema)
    translator = _Translator(text, places, numbers, schema)
    if not source:
        raise FilterError("the filter is empty")
    try:
        tree = ast.parse(source, mode="eval")
    except SyntaxError as error:
        offset = (error.offset or len(source) + 1) - 1  # none at the end of the text
        place = translator.origin(offset) if offset < len(source) else len(text)
        raise FilterError(located("cannot be understood", text, place)) from None
    except (RecursionError, MemoryError, ValueError):
        raise FilterError("the filter is nested too deeply") from None
    test = translator.condition(tree.body, 0)
    return Filter(text, tuple(column.name for column in schema if column.name in used), test)


class _Typed(NamedTuple):
    """A translated part: its kind and the function that computes it from a row. `pair` has the two sides of what means
    either; a `constant` reads no row, and `written` is how a plain number stands in the filter.

    Kinds: "int", "bits" (a condition by itself), "flags", "ns" (a column of time), "seconds" (the same, called by a name
    that means seconds: ns as well, but what it meets is in seconds), "duration" (5s), "bool", "str", "null"."""

    kind: str
    value: Value
    pair: tuple[_Typed, ...] = ()
    constant: bool = False
    written: str = ""


_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.BitAnd: operator.and_,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_NUMBERS = ("int", "bits", "flags", "ns", "seconds", "duration")
_KINDS = {**dict.fromkeys(_NUMBERS, "a number"), "bool": "true or false", "str": "text", "null": "null"}


class _Translator:
    """From the nodes of the expression to functions of a row; every node that is not named here is refused."""

    def __init__(self, text: str, places: list[tuple[int, int]], numbers: dict[int, tuple[str, str | None]],
                 schema: Sequence[Column]) -> None:  # fmt: skip
        self._text, self._places, self._numbers, self._schema = text, places, numbers, schema
        self._index = {column.name: i for i, column in enumerate(schema)}

    def origin(self, offset: int) -> int:
        """Where in the user's text the token at this offset of the parsed text stands."""
        found = 0
        for there, here in self._places:
            if there > offset:
                break
            found = here
        return found

    def fail(self, problem: str, node: ast.expr) -> NoReturn:
        raise FilterError(located(problem, self._text, self.origin(node.col_offset)))

    def condition(self, node: ast.expr, depth: int) -> Value:
        """The node as something true, false or unknown (None)."""
        found = self.part(node, depth)
        kind, value = found.kind, found.value
        if kind == "bool":
            return value
        if kind == "bits":  # tcp_flags & 2

            def any_bit(row: Row) -> bool | None:
                bits = value(row)
                return None if bits is None else bool(bits)

            return any_bit
        self.fail(f"{_KINDS[kind]} is no condition: compare it with something", node)

    def part(self, node: ast.expr, depth: int) -> _Typed:
        if depth > MAX_DEPTH:
            self.fail("nested too deeply", node)
        match node:
            case ast.Name(id=name):
                return self.named(name)
            case ast.Constant(value=constant) if constant is None or isinstance(constant, (bool, int, float, str)):
                kind = {bool: "bool", str: "str", type(None): "null"}.get(type(constant), "int")
                word, unit = self._numbers.get(node.col_offset, ("", None))
                return _Typed("duration" if unit else kind, lambda row: constant, constant=True, written="" if unit else word)
            case ast.BoolOp(op=ast.And(), values=values):
                return _Typed("bool", _every([self.condition(value, depth + 1) for value in values], False))
            case ast.BoolOp(op=ast.Or(), values=values):
                return _Typed("bool", _every([self.condition(value, depth + 1) for value in values], True))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self.condition(operand, depth + 1)
                return _Typed("bool", lambda row: None if (answer := inner(row)) is None else not answer)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                negated = self.number(operand, depth + 1)
                written = f"-{negated.written}" if negated.written else ""
                return negated._replace(value=_computed(lambda a, b: b - a, negated.value, lambda row: 0), written=written)
            case ast.BinOp(left=left, op=ast.MatMult(), right=right):
                return self.split(self.part(left, depth + 1), self.part(right, depth + 1), right, self.contains, any_of=True)
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _ARITHMETIC:
                return self.arithmetic(self.number(left, depth + 1), sign, self.number(right, depth + 1), right)
            case ast.Compare(left=left, ops=signs, comparators=others):
                nodes = [left, *others]
                links = [self.comparison(nodes[i], sign, nodes[i + 1], depth + 1) for i, sign in enumerate(signs)]
                return _Typed("bool", links[0] if len(links) == 1 else _every(links, False))
        self.fail("not part of the filter language", node)

    def named(self, name: str) -> _Typed:
        """A column, or what `filter_names` made of another name."""
        columns = reads(name, self._schema)
        values = [operator.itemgetter(self._index[column]) for column in columns]
        if name == ANY_ANALYSIS:
            return _Typed("bool", _every(list(values), True))
        if name.startswith(FLAG):
            bit, flags = int(name.removeprefix(FLAG)), values[0]
            return _Typed("bool", lambda row: bool(flags(row) & bit))
        column = self._schema[self._index[columns[0]]]
        kind: str = "flags" if column.name == "tcp_flags" else "ns" if column.unit == "ns" else column.type
        if name.startswith(SECONDS):
            kind = "seconds"
        pair = tuple(_Typed(kind, value) for value in values) if len(values) > 1 else ()
        return _Typed(kind, values[0], pair)

    def number(self, node: ast.expr, depth: int) -> _Typed:
        found = self.part(node, depth)
        if found.kind not in _NUMBERS:
            self.fail(f"{_KINDS[found.kind]} where a number is needed", node)
        if found.pair:
            self.fail("either of two cannot be computed with: name the column", node)
        return found

    def arithmetic(self, left: _Typed, sign: ast.operator, right: _Typed, node: ast.expr) -> _Typed:
        if isinstance(sign, (ast.Div, ast.Mod)) and right.constant and right.value(()) == 0:
            self.fail("a division by zero", node)
        constant = left.constant and right.constant
        kind, times = "int", [side.kind for side in (left, right) if side.kind in ("seconds", "ns", "duration")]
        if isinstance(sign, ast.BitAnd):
            kind = "bits"
        elif times and not (isinstance(sign, ast.Div) and len(times) == 2):
            kind = "seconds" if "seconds" in times else times[0]
            if not isinstance(sign, (ast.Mult, ast.Div)):
                left, right = self.same_unit(left, right, node)
        return _Typed(kind, _computed(_ARITHMETIC[type(sign)], left.value, right.value), constant=constant)

    def same_unit(self, left: _Typed, right: _Typed, node: ast.expr) -> tuple[_Typed, _Typed]:
        """Both in ns, when one is a time: a number beside a name that means seconds is seconds; beside ns it must be whole."""
        kinds = (left.kind, right.kind)
        if "seconds" in kinds:
            return tuple(_in_ns(side) if side.kind in ("int", "bits") else side for side in (left, right))  # type: ignore[return-value]
        for side in (left, right):
            if "ns" in kinds and side.kind == "int" and side.written and side.constant and side.value(()) % 1:
                self.fail(f"the column is in nanoseconds: write {_duration(side.written)}", node)
        return left, right

    def split(self, left: _Typed, right: _Typed, node: ast.expr, make: Callable[[_Typed, _Typed, ast.expr], Value], *,
              any_of: bool) -> _Typed:  # fmt: skip
        """The comparison of what means either of two: one of them must satisfy it, or (any_of False) both."""
        parts = [make(a, b, node) for a in left.pair or (left,) for b in right.pair or (right,)]
        return _Typed("bool", parts[0] if len(parts) == 1 else _every(parts, any_of))

    def contains(self, left: _Typed, right: _Typed, node: ast.expr) -> Value:
        if left.kind == "flags":
            mask = self.flags(right, node)
            return _computed(lambda flags, wanted: flags & wanted == wanted, left.value, lambda row: mask)
        if left.kind != "str" or right.kind != "str":
            self.fail("contains stands between a text and a text", node)
        return _computed(lambda whole, part: part in whole, left.value, right.value)

    def flags(self, text: _Typed, node: ast.expr) -> int:
        mask = flag_mask(text.value(())) if text.kind == "str" and text.constant else None
        if mask is None:
            self.fail('flags are a number, or a text such as "SYN,ACK" or "S."', node)
        return mask

    def comparison(self, left: ast.expr, sign: ast.cmpop, right: ast.expr, depth: int) -> Value:
        if isinstance(sign, (ast.In, ast.NotIn)):
            return self.membership(left, isinstance(sign, ast.NotIn), right, depth)

        def compare(a: _Typed, b: _Typed, node: ast.expr) -> Value:
            return self.compared(a, sign, b, node)

        # Wireshark 4: ip.addr != A means that neither is
        return self.split(self.part(left, depth), self.part(right, depth), right, compare, any_of=not isinstance(sign, ast.NotEq)).value

    def compared(self, left: _Typed, sign: ast.cmpop, right: _Typed, node: ast.expr) -> Value:
        if "null" in (left.kind, right.kind):
            tested = right.value if left.kind == "null" else left.value
            if isinstance(sign, (ast.Is, ast.Eq)):
                return lambda row: tested(row) is None
            if isinstance(sign, (ast.IsNot, ast.NotEq)):
                return lambda row: tested(row) is not None
            self.fail("null has no order: use is null or is not null", node)
        if type(sign) not in _COMPARISONS:
            self.fail("only null can stand after is", node)
        ordered = not isinstance(sign, (ast.Eq, ast.NotEq))
        if left.kind == "flags" and right.kind == "str" and not ordered:
            mask = self.flags(right, node)
            right = _Typed("int", lambda row: mask)
        numbers = left.kind in _NUMBERS and right.kind in _NUMBERS
        kind, other = (_KINDS[left.kind], _KINDS[right.kind])
        # `retransmission == 1` is how tshark's users write it
        if not numbers and (kind != other or (left.kind == "bool" and ordered)) and (ordered or "str" in (left.kind, right.kind)):
            self.fail(f"{kind} cannot be compared with {other} like this", node)
        if numbers:
            left, right = self.same_unit(left, right, node)
        return _computed(_COMPARISONS[type(sign)], left.value, right.value)

    def membership(self, left: ast.expr, inverted: bool, right: ast.expr, depth: int) -> Value:
        whole = self.part(left, depth)
        numeric = whole.kind in _NUMBERS
        if isinstance(right, (ast.List, ast.Tuple, ast.Set)) or (isinstance(right, ast.Constant) and numeric):
            items = [right] if isinstance(right, ast.Constant) else right.elts
            members = {self.member(whole, item, depth) for item in items}

            def among(side: _Typed, _other: _Typed, _node: ast.expr) -> Value:
                value = side.value
                return lambda row: None if (answer := value(row)) is None else (answer in members) is not inverted

            return self.split(whole, _Typed("null", lambda row: None), right, among, any_of=not inverted).value
        other = self.part(right, depth)
        if whole.kind != "str" or other.kind != "str":
            self.fail("after in stands a list, or a text that contains a text", right)

        def within(part: _Typed, text: _Typed, _node: ast.expr) -> Value:
            return _computed(lambda a, b: (a in b) is not inverted, part.value, text.value)

        return self.split(whole, other, right, within, any_of=not inverted).value

    def member(self, whole: _Typed, item: ast.expr, depth: int) -> Any:
        """The constant in a list, in the unit of what is looked for."""
        found = self.part(item, depth)
        constant = item.operand if isinstance(item, ast.UnaryOp) else item
        if whole.kind == "flags" and found.kind == "str":
            return self.flags(found, item)
        fits = found.kind == whole.kind or (found.kind in _NUMBERS and whole.kind in _NUMBERS)
        if not isinstance(constant, ast.Constant) or not fits or found.kind == "null":
            self.fail(f"the list holds only constants, each {_KINDS[whole.kind]}", item)
        if whole.kind in _NUMBERS:
            found = self.same_unit(whole, found, item)[1]
        return found.value(())


def _in_ns(seconds: _Typed) -> _Typed:
    """Seconds as ns; a number that stands in the filter exactly as it is written there."""
    if seconds.written and "x" not in seconds.written.lower():
        from decimal import Decimal

        exact = round(Decimal(seconds.written.replace("_", "")) * 10**9)
        return seconds._replace(kind="duration", value=lambda row: exact)
    return seconds._replace(kind="duration", value=_computed(operator.mul, seconds.value, lambda row: 10**9))


def _duration(written: str) -> str:
    """A number of seconds in the largest unit in which it is at least one: 0.05 is 50ms."""
    from decimal import Decimal

    number = Decimal(written.replace("_", ""))
    units = (("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9))
    unit, scale = next((one for one in units if abs(number) * one[1] >= 1), units[-1])
    text = f"{number * scale:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + unit


def _every(parts: list[Value], decisive: bool) -> Value:
    """`and` (False decides) or `or` (True decides); otherwise unknown if any part is."""

    def combined(row: Row) -> bool | None:
        answer: bool | None = not decisive
        for part in parts:
            result: bool | None = part(row)
            if result is decisive:
                return decisive
            if result is None:
                answer = None
        return answer

    return combined


def _computed(function: Callable[[Any, Any], Any], left: Value, right: Value) -> Value:
    """The function of both sides; unknown where either is, and where arithmetic has no answer (division by zero)."""

    def compute(row: Row) -> Any:
        a, b = left(row), right(row)
        if a is None or b is None:
            return None
        try:
            return function(a, b)
        except (ArithmeticError, TypeError):  # TypeError: & on a fraction
            return None

    return compute
