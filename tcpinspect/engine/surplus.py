"""What few connections need for their Zeek history: data seen above a hole, and letters beyond the first two dozen. Floor 2.

Reading: RFC 9293 §3.10.7.4 (segments beyond RCV.NXT may be held). The ranges are bounded: a capture can hold any disorder.
"""
# mypy: ignore-errors

import cython

# Ranges of data above a hole that a side can hold.
RANGES = cython.declare(cython.longlong, 32)


class Surplus:
    """For each of two sides the ranges of octets above a hole, apart from one another and in order; and room for 232 letters."""

    def __init__(self):
        if not cython.compiled:
            self.left = [0] * 64
            self.right = [0] * 64
            self.held = [0] * 2
            self.letters = [0] * 232

    def hold(self, side, left, right):
        """Keep the octets [left, right). A full store fills up a hole to make room."""
        base: cython.longlong = side * RANGES
        n: cython.longlong = self.held[side]
        i: cython.longlong = 0
        last: cython.longlong
        k: cython.longlong
        while i < n and self.right[base + i] < left:
            i += 1
        last = i
        while last < n and self.left[base + last] <= right:
            left = min(left, self.left[base + last])
            right = max(right, self.right[base + last])
            last += 1
        if last > i:
            k = last - i - 1
            while last < n:
                self.left[base + last - k] = self.left[base + last]
                self.right[base + last - k] = self.right[base + last]
                last += 1
            self.held[side] = n - k
        elif n == RANGES:
            i = min(i, n - 1)
            left = min(left, self.left[base + i])
            right = max(right, self.right[base + i])
        else:
            k = n
            while k > i:
                self.left[base + k] = self.left[base + k - 1]
                self.right[base + k] = self.right[base + k - 1]
                k -= 1
            self.held[side] = n + 1
        self.left[base + i] = left
        self.right[base + i] = right
        return 0

    def drop_first(self, side):
        """Forget the side's lowest range."""
        base: cython.longlong = side * RANGES
        n: cython.longlong = self.held[side] - 1
        i: cython.longlong = 0
        while i < n:
            self.left[base + i] = self.left[base + i + 1]
            self.right[base + i] = self.right[base + i + 1]
            i += 1
        self.held[side] = n
        return 0

    def first_left(self, side):
        """Left edge of the side's lowest range; ask only where `held` is not 0."""
        return self.left[side * RANGES]

    def first_right(self, side):
        """Right edge of the side's lowest range; ask only where `held` is not 0."""
        return self.right[side * RANGES]

    def end(self, side):
        """Right edge of the side's highest range; ask only where `held` is not 0."""
        return self.right[side * RANGES + self.held[side] - 1]
