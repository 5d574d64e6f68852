"""Capture filters, compiled by libpcap into the kernel's own program. Floor 1. Reading: pcap-filter(7), pcap_compile(3).

libpcap is asked through ctypes and only when there is a filter: everything else works without it. The program runs in the
kernel, before a packet costs anything, and its return value is the snap length.
"""

from __future__ import annotations

import ctypes
import re
import struct
from typing import NamedTuple

from tcpinspect.errors import FilterError, MissingDependency

# <linux/bpf_common.h>, <linux/filter.h>
_LD_W_ABS, _RET, _JEQ, _CLASS, _MODE = 0x20, 0x06, 0x15, 0x07, 0xE0
_LD, _LDX, _ABS, _IND, _MSH = 0x00, 0x01, 0x20, 0x40, 0xA0
_AD = 0xFFFFF000  # SKF_AD_OFF as an unsigned word: loads from here on read what the kernel knows about the packet
_AD_PROTOCOL, _AD_PKTTYPE, _AD_IFINDEX, _AD_HATYPE = _AD, _AD + 4, _AD + 8, _AD + 28
_PACKET_OUTGOING = 4

# libpcap's own numbers differ from the files' for raw IP (pcap-linktype(7)).
_DLT_RAW, _LINKTYPE_RAW, _LINKTYPE_SLL2 = 12, 101, 276
_SLL2_HEADER = 20
# Where LINKTYPE_LINUX_SLL2 has a field that the kernel knows under another address.
_SLL2_FIELDS = {0: _AD_PROTOCOL, 4: _AD_IFINDEX, 8: _AD_HATYPE, 10: _AD_PKTTYPE}

_NAMES = ("libpcap.so.1", "libpcap.so.0.8", "libpcap.so")
_TOKEN = re.compile(r"\s*(?:[\w.:/\\-]+|&&|\|\||[<>=!]=|<<|>>|\S)")
# What may follow a beginning that is right so far.
_ENDINGS = ("", " 1", " tcp", " 192.0.2.1", " 02:00:00:00:00:01", " port 1", " = 1", " 1 = 1", "1] = 1", "] = 1", " mask 255.0.0.0")


class Instruction(NamedTuple):
    """One instruction of classic BPF (struct sock_filter)."""

    code: int
    if_true: int
    if_false: int
    value: int


Program = list[Instruction]


class _Insn(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint), ("instructions", ctypes.POINTER(_Insn)))


def everything(snaplen: int) -> Program:
    """The program that takes every packet, cut to the snap length."""
    return [Instruction(_RET, 0, 0, snaplen)]


def nothing() -> Program:
    """The program that takes no packet."""
    return everything(0)


def without_copies(program: Program, loopback: int) -> Program:
    """The program, but a packet on its way out through the loopback interface is left out: it comes in again at once."""
    return [
        Instruction(_LD_W_ABS, 0, 0, _AD_PKTTYPE),
        Instruction(_JEQ, 0, 3, _PACKET_OUTGOING),
        Instruction(_LD_W_ABS, 0, 0, _AD_IFINDEX),
        Instruction(_JEQ, 0, 1, loopback),
        Instruction(_RET, 0, 0, 0),
        *program,
    ]


def packed(program: Program) -> bytes:
    """The program as an array of struct sock_filter."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def compile_filter(text: str, link_type: int, snaplen: int, device: str = "") -> Program:
    """The program for a filter expression; an empty one takes everything.

    `device` is asked how it handles VLAN tags where the filter speaks of them. Raises FilterError showing the place, and
    MissingDependency where there is no libpcap.
    """
    if not text.strip():
        return everything(snaplen)
    if "\0" in text:
        raise FilterError("the capture filter has a NUL character in it")
    tagged = re.search(r"\bvlan\b", text) is not None
    if tagged and link_type == _LINKTYPE_SLL2:
        raise FilterError('capture filter: on "any" no filter sees VLAN tags: capture on the interface itself')
    compiler = _Compiler(link_type, snaplen, device if tagged else "")
    try:
        program = compiler.compile(text)
        if isinstance(program, str):
            raise FilterError(_located(program, text, compiler))
    finally:
        compiler.close()
    return _for_cooked(program, text) if link_type == _LINKTYPE_SLL2 else program


class _Compiler:
    """libpcap with a handle to compile for: a dead one, or one on a device, which knows that tags come beside the packet."""

    def __init__(self, link_type: int, snaplen: int, device: str) -> None:
        self._pcap = _libpcap()
        self._handle = None
        if device:
            self._handle = self._pcap.pcap_create(device.encode("utf-8", "surrogateescape"), ctypes.create_string_buffer(256))
            if self._handle and self._pcap.pcap_activate(self._handle) < 0:
                self.close()
        if not self._handle:
            self._handle = self._pcap.pcap_open_dead(_DLT_RAW if link_type == _LINKTYPE_RAW else link_type, snaplen)
        self._snaplen = snaplen

    def compile(self, text: str) -> Program | str:
        """The program, or what libpcap says against the text."""
        raw = _Program()
        if self._pcap.pcap_compile(self._handle, ctypes.byref(raw), text.encode(), 1, 0xFFFFFFFF) < 0:
            said: bytes = self._pcap.pcap_geterr(self._handle)
            return said.decode("utf-8", "replace")
        whole = [Instruction(i.code, i.jt, i.jf, i.k) for i in raw.instructions[: raw.length]]
        self._pcap.pcap_freecode(ctypes.byref(raw))
        # Whatever handle it was compiled for, what is taken is cut to our snap length.
        return [i._replace(value=self._snaplen) if i.code == _RET and i.value else i for i in whole]

    def close(self) -> None:
        if self._handle:
            self._pcap.pcap_close(self._handle)
        self._handle = None


def _libpcap() -> ctypes.CDLL:
    for name in _NAMES:
        try:
            pcap = ctypes.CDLL(name)
        except OSError:
            continue
        pcap.pcap_open_dead.restype = pcap.pcap_create.restype = ctypes.c_void_p
        pcap.pcap_create.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
        pcap.pcap_activate.argtypes = pcap.pcap_close.argtypes = pcap.pcap_geterr.argtypes = [ctypes.c_void_p]
        pcap.pcap_compile.argtypes = [ctypes.c_void_p, ctypes.POINTER(_Program), ctypes.c_char_p, ctypes.c_int, ctypes.c_uint32]
        pcap.pcap_freecode.argtypes = [ctypes.POINTER(_Program)]
        pcap.pcap_geterr.restype = ctypes.c_char_p
        return pcap
    raise MissingDependency(
        "a capture filter needs libpcap, and there is no libpcap.so: install it (Debian: apt install libpcap0.8), "
        "or capture without a filter"
    )


def _located(said: str, text: str, compiler: _Compiler) -> str:
    """libpcap's complaint with the place it is about, which libpcap does not tell: the first word that cannot stand there."""
    said = said.removeprefix("can't parse filter expression: ")
    named = re.search(r"'([^']+)'|number (\d+)", said)
    place = text.find(named[1] or named[2]) if named else -1
    if place < 0:
        place = _first_wrong(text, compiler) if said == "syntax error" else _first_said(said, text, compiler)
    word = _TOKEN.match(text, place)
    where = f'at "{word[0].strip()}"' if word else "at its end"
    before, after = ascii(text[max(0, place - 30) : place])[1:-1], ascii(text[place : place + 30])[1:-1]
    return f"capture filter: {said} {where}, character {place + 1}: {before} >>> {after or '(end)'}"


def _first_wrong(text: str, compiler: _Compiler) -> int:
    """Where the first word begins that no continuation makes right; the end of the text when only more is missing."""
    for token in _TOKEN.finditer(text):
        beginning = text[: token.end()]
        closing = ")" * (beginning.count("(") - beginning.count(")"))
        if not any(isinstance(compiler.compile(beginning + ending + closing), list) for ending in _ENDINGS):
            return token.end() - len(token[0].lstrip())
    return len(text)


def _first_said(said: str, text: str, compiler: _Compiler) -> int:
    """Where the word begins from which on libpcap complains so."""
    for token in _TOKEN.finditer(text):
        if compiler.compile(text[: token.end()]) == said:
            return token.end() - len(token[0].lstrip())
    return len(text)


def _for_cooked(program: Program, text: str) -> Program:
    """The program for a cooked socket: there the packet begins behind the header that libpcap counted from."""
    return [_shifted(instruction, text) for instruction in program]


def _shifted(instruction: Instruction, text: str) -> Instruction:
    code, value = instruction.code, instruction.value
    loads = code & _CLASS in (_LD, _LDX) and code & _MODE in (_ABS, _IND, _MSH)
    if not loads or value >= _AD:
        return instruction
    if value >= _SLL2_HEADER:
        return instruction._replace(value=value - _SLL2_HEADER)
    if value in _SLL2_FIELDS:
        return instruction._replace(value=_SLL2_FIELDS[value])
    raise FilterError(f'capture filter: on "any" the kernel cannot test octet {value} of the header it has not made yet: {text}')
