"""What crosses the wall comes out as it went in; whatever else comes is refused by name."""

import contextlib
import json
import math
import pickle
import socket
import struct
import threading

import numpy as np
import pytest
import torch

from autograde.wall import wire
from autograde.wall.packing import pack, send
from autograde.wall.reader import Reader
from autograde.wall.wire import BrokenFrame, Named, unpack


def refuse(tag, decode=None):
    """Neither side has anything to look up here."""
    raise BrokenFrame("nothing is kept here")


def no_keeping(value):
    """Nothing is kept back here."""
    raise ValueError(f"a {type(value).__name__} does not cross")


def unframed(frame):
    """Header and body of a frame."""
    header, body = struct.unpack("!II", frame[:8])
    assert len(frame) == 8 + header + body
    return frame[8 : 8 + header], frame[8 + header :]


def round_trip(value):
    """A value after it has crossed."""
    return unpack(*unframed(pack({"it": value}, no_keeping)), refuse)["it"]


def broken(message, *buffers, sizes=None):
    """A frame with this header."""
    found = {"message": {"it": message}, "sizes": sizes or [len(one) for one in buffers]}
    return unpack(json.dumps(found).encode(), b"".join(buffers), refuse)["it"]


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, -(2**62), 2**200, 0.1, math.inf, -math.inf, "λ ✓ \x00", [], [1, [2, "x"]],
        (), (1, (2,)), {"a": 1, 2: [3]}, torch.float64,
    ],
)  # fmt: skip
def test_plain_values_come_out_as_they_went_in(value):
    got = round_trip(value)
    assert got == value and type(got) is type(value)


def test_nan_stays_nan():
    assert math.isnan(round_trip(math.nan))


@pytest.mark.parametrize("dtype", wire.DTYPES.values(), ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 0, 3)])
def test_tensors_keep_dtype_shape_and_bits(dtype, shape):
    tensor = (torch.rand(shape) * 10).to(dtype)
    got = round_trip(tensor)
    assert got.dtype == dtype and got.shape == tensor.shape and torch.equal(got, tensor)


def test_a_tensor_says_whether_it_wants_a_gradient_and_comes_as_a_leaf():
    given = torch.ones(2, requires_grad=True) * 2
    got = round_trip(given)
    assert got.requires_grad and got.is_leaf
    assert not round_trip(torch.ones(2)).requires_grad


def test_views_and_transposed_tensors_cross():
    tensor = torch.arange(6).reshape(2, 3)
    assert torch.equal(round_trip(tensor.T), tensor.T)
    assert torch.equal(round_trip(tensor[:, 1]), tensor[:, 1])
    one = torch.ones(()).expand(1)  # of one element, whatever its strides say
    assert torch.equal(round_trip(one), one) and one.stride() == (0,)


@pytest.mark.parametrize("kind", ["f4", "f8", "i8", "u1", "b1", ">f8", "c16"])
def test_arrays_cross(kind):
    array = np.array([[0, 1], [1, 3]]).astype(kind)
    got = round_trip(array)
    assert np.array_equal(got, array) and got.dtype == array.dtype.newbyteorder("=")


def test_a_generator_crosses_with_its_state():
    generator = torch.Generator().manual_seed(5)
    torch.rand(3, generator=generator)
    got = round_trip(generator)
    assert torch.equal(torch.rand(4, generator=got), torch.rand(4, generator=generator))


def test_named_tuples_keep_their_names():
    point = torch.rand(2, 3).max(0)
    kind = type("Batch", (tuple,), {"_fields": ("obs", "reward")})
    got = round_trip(kind((1, 2)))
    assert isinstance(got, Named) and (got.obs, got.reward) == (1, 2)
    with pytest.raises(AttributeError, match="only obs, reward"):
        got.action  # noqa: B018
    assert len(round_trip(tuple(point))) == 2


@pytest.mark.parametrize("value", [object(), {1}, b"bytes", lambda: 1, torch.ones(2).to_sparse()])
def test_nothing_else_crosses(value):
    with pytest.raises(ValueError, match=r"does not cross|cannot be handed over"):
        round_trip(value)


@pytest.mark.parametrize(
    "message",
    [
        {"a": 1},
        [],
        ["pickle", "x"],
        ["__reduce__"],
        [["list"], []],
        ["list"],
        ["list", 5],
        ["list", [], []],
        ["tuple", "ab"],
        ["dict", [["a"]]],
        ["dict", {"a": 1}],
        ["dict", [[["list", []], 1]]],
        ["float", "1"],
        ["float", 1],
        ["int", "0x" + "f" * 500],
        ["int", "eval"],
        ["dtype", "Tensor"],
        ["dtype", ["list"]],
        ["named", ["class"], ["list", []]],
        ["named", ["a b"], [1]],
        ["named", ["a"], []],
        ["tensor", "float32", [1], False, 0],
        ["tensor", "float32", [-1], False, 0],
        ["tensor", "float32", [2**40], False, 0],
        ["tensor", "float32", [2**31, 2**31, 2**31], False, 0],
        ["tensor", "float32", ["1"], False, 0],
        ["tensor", "float32", 1, False, 0],
        ["tensor", "float32", [1] * 40, False, 0],
        ["tensor", "qint8", [1], False, 0],
        ["array", "O8", [1], 0],
        ["array", "f8", [1], 7],
        ["array", "f8", [1], -1],
        ["array", "f8", [1], True],
        ["generator", 0],
        ["generator", 1],
        ["handle", 1, "x"],
        ["module", 1, []],
        ["yours", 1],
    ],
    ids=str,
)
def test_headers_that_are_none_are_refused(message):
    with pytest.raises(BrokenFrame):
        broken(message, b"xyz")


@pytest.mark.parametrize(
    "header",
    [
        b"", b"{", b"\xff\xfe", b"null", b"[]", b"1", b'{"message": {}}', b'{"sizes": []}',
        b'{"message": [], "sizes": []}', b'{"message": {}, "sizes": [-1, 1]}',
        b'{"message": {}, "sizes": [4]}', b'{"message": {}, "sizes": "x"}',
        b'{"message": {"a": NaN}, "sizes": []}', b'{"message": {"a": Infinity}, "sizes": []}',
        b'{"message": {"a": ' + b"9" * 5000 + b'}, "sizes": []}',
        b'{"message": {"a": ' + b"[" * 100_000 + b']}, "sizes": []}',
        pickle.dumps({"message": {}, "sizes": []}),
    ],
    ids=lambda one: str(one[:40]),
)  # fmt: skip
def test_bytes_that_are_no_header_are_refused(header):
    with pytest.raises(BrokenFrame):
        unpack(header, b"", refuse)


def test_nesting_and_number_of_values_are_bounded():
    deep = 1
    for _ in range(wire.MAX_DEPTH + 1):
        deep = ["list", [deep]]
    with pytest.raises(BrokenFrame, match="deep"):
        broken(deep)
    with pytest.raises(BrokenFrame, match="too many"):
        broken(["list", [0] * (wire.MAX_VALUES + 1)])
    nested = []
    for _ in range(wire.MAX_DEPTH + 2):
        nested = [nested]
    with pytest.raises(ValueError, match="deep"):
        round_trip(nested)


def test_booleans_of_other_bytes_become_booleans():
    got = broken(["tensor", "bool", [3], False, 0], b"\x00\x02\xff")
    assert got.tolist() == [False, True, True]
    assert got.to(torch.uint8).tolist() == [0, 1, 1]
    assert broken(["array", "b1", [2], 0], b"\x00\x07").view(np.uint8).tolist() == [0, 1]


def test_a_state_that_is_no_generators_is_refused():
    with pytest.raises(BrokenFrame):
        broken(["generator", 0], bytes(5056))


@contextlib.contextmanager
def sent(data):
    """A reader of these bytes, after which the other side hangs up."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            theirs.sendall(data)
        yield Reader(ours)


def nothing() -> None:
    """No limit."""


def test_a_frame_that_announces_too_much_is_refused_before_it_is_read():
    for lengths in ((2**32 - 1, 0), (2, 2**32 - 1)):
        with (
            sent(struct.pack("!II", *lengths) + b"{}") as reader,
            pytest.raises(BrokenFrame, match="too large"),
        ):
            reader.message(refuse, nothing)


def test_an_end_in_the_middle_is_an_end():
    frame = pack({"it": torch.ones(5)}, no_keeping)
    for length in (0, 3, 8, 20, len(frame) - 1):
        with sent(frame[:length]) as reader, pytest.raises(EOFError):
            reader.message(refuse, nothing)


def test_several_frames_in_one_piece_are_read_one_by_one():
    frames = [pack({"it": place}, no_keeping) for place in range(3)]
    with sent(b"".join(frames)) as reader:
        assert [reader.message(refuse, nothing)["it"] for _ in frames] == [0, 1, 2]


def test_bytes_that_dribble_in_do_not_stop_the_clock():
    class Late(Exception):
        pass

    looks = iter(range(1000))

    def wait():
        if next(looks) > 20:
            raise Late

    ours, theirs = socket.socketpair()
    stop = threading.Event()

    def dribble():
        while not stop.wait(0.01):
            theirs.sendall(b"\x00")

    thread = threading.Thread(target=dribble)
    thread.start()
    try:
        with pytest.raises((Late, BrokenFrame)):
            Reader(ours).message(refuse, wait)
    finally:
        stop.set()
        thread.join()
        ours.close()
        theirs.close()


def test_sending_to_who_does_not_read_ends_with_the_clock():
    class Late(Exception):
        pass

    ours, theirs = socket.socketpair()
    Reader(ours)
    looks = iter(range(1000))

    def wait():
        if next(looks) > 3:
            raise Late

    with pytest.raises(Late):
        send(ours, bytes(2**24), wait)
    theirs.close()
    with pytest.raises(EOFError):
        send(ours, bytes(2**24), nothing)
    ours.close()


def test_too_much_for_a_frame_is_said_before_it_is_sent(monkeypatch):
    monkeypatch.setattr("autograde.wall.packing.MAX_BUFFERS", 1000)
    with pytest.raises(ValueError, match="too large"):
        pack({"it": torch.ones(1000)}, no_keeping)


def test_a_buffer_can_be_used_once():
    tensor = ["tensor", "uint8", [3], False, 0]
    with pytest.raises(BrokenFrame, match="no such buffer"):
        broken(["list", [tensor, tensor]], b"xyz")


@pytest.mark.parametrize("name", ["__array_interface__", "__array__", "_fields", "__class__"])
def test_a_named_tuple_has_no_name_that_a_library_asks_for(name):
    with pytest.raises(BrokenFrame, match="odd names"):
        broken(["named", [name], [1]])
    forged = Named([1])
    forged.fields = (name,)
    assert not hasattr(forged, "__array_interface__") and not hasattr(forged, "__array__")


@pytest.mark.parametrize("number", [2**63, -(2**63), 10**400])
def test_a_plain_number_has_at_most_64_bits(number):
    with pytest.raises(BrokenFrame):
        broken(number)
    assert round_trip(number if number < 10**30 else 2**200)


def test_keys_cannot_share_one_hash():
    same = [[place * (2**61 - 1), 0] for place in range(1, 4)]
    assert len({hash(key) for key, _ in same}) == 1
    with pytest.raises(BrokenFrame, match="key"):
        broken(["dict", same])
    assert broken(["dict", [[-3, 1], [0.5, 2], ["a", 3]]]) == {-3: 1, 0.5: 2, "a": 3}


def test_a_reader_says_whether_something_is_left():
    frames = [pack({"it": place}, no_keeping) for place in range(2)]
    with sent(b"".join(frames)) as reader:
        assert reader.has_more()
        reader.message(refuse, nothing)
        assert reader.has_more()
        reader.message(refuse, nothing)
        assert not reader.has_more()
