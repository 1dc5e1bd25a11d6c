"""A student's function called through the wall behaves as the function itself."""

import json
import math

import pytest
import torch
from torch import nn

from autograde.wall.endings import BROKE, DIED, HUNG, Interrupted, Lost
from autograde.wall.gradients import Graphs
from autograde.wall.proxies import Remote, StudentError
from course_lib.evaluation import evaluate_agent
from tests.walled import running

SETUP = "import torch, time, os"


def function(session, name="f"):
    """The proxy of a student's function."""
    return session.values([name])[name]


def test_values_cross_and_functions_come_as_proxies_named_as_asked_for():
    code = "def other(x): return x + 1\nf, number, pair = other, 3, (1.5, 'a')"
    with running(code) as session:
        found = session.values(["f", "number", "pair", "missing"])
        assert found["number"] == 3 and found["pair"] == (1.5, "a") and "missing" not in found
        assert isinstance(found["f"], Remote) and found["f"].__name__ == "f"
        assert found["f"](2) == 3 and found["f"](x=2) == 3


def test_what_a_proxy_is_is_not_decided_by_the_student():
    code = (
        "class F:\n    __name__ = 'easier'\n    def __eq__(self, other): return True\n"
        "    def __bool__(self): return True\nf = F()"
    )
    with running(code) as session:
        found = function(session)
        assert found != 1 and found.__name__ == "f"
        with pytest.raises(TypeError, match="truth value"):
            bool(found)
        with pytest.raises(AttributeError):
            found.__wrapped__  # noqa: B018


def test_gradients_of_positional_and_keyword_arguments_cross():
    code = f"{SETUP}\ndef f(x, *, scale): return (x.square() * scale).sum()"
    with running(code) as session:
        x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
        scale = torch.tensor([3.0, 5.0], dtype=torch.float64, requires_grad=True)
        value = function(session)(x, scale=scale)
        assert value.item() == 1 * 3 + 4 * 5
        value.backward()
        assert x.grad.tolist() == [2 * 1 * 3, 2 * 2 * 5]
        assert scale.grad.tolist() == [1, 4]


def test_gradients_flow_on_through_what_the_judge_computed():
    with running(f"{SETUP}\ndef f(x): return 3 * x") as session:
        x = torch.tensor(2.0, requires_grad=True)
        (function(session)(x.exp()) ** 2).backward()
        assert x.grad.item() == pytest.approx(2 * 9 * math.exp(4))


def test_gradients_in_lists_and_of_several_results():
    code = (
        f"{SETUP}\ndef f(pair): return pair[0] * 2, {{'detached': pair[1].detach(), 'b': pair[1]}}"
    )
    with running(code) as session:
        a, b = (torch.ones(2, requires_grad=True) for _ in range(2))
        first, rest = function(session)([a, b])
        assert first.requires_grad and rest["b"].requires_grad
        assert not rest["detached"].requires_grad
        (first.sum() + 5 * rest["b"].sum()).backward()
        assert a.grad.tolist() == [2, 2] and b.grad.tolist() == [5, 5]


def test_a_gradient_that_is_cut_off_is_missing():
    with running(f"{SETUP}\ndef f(x, y): return (x.detach() * y).sum()") as session:
        x, y = (torch.ones(2, requires_grad=True) for _ in range(2))
        value = function(session)(x, y)
        gradient = torch.autograd.grad(value, [x, y], allow_unused=True)
        assert gradient[0] is None and gradient[1].tolist() == [1, 1]


def test_second_derivatives_cross():
    with running(f"{SETUP}\ndef f(x): return (x ** 3).sum()") as session:
        x = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)
        (first,) = torch.autograd.grad(function(session)(x), x, create_graph=True)
        assert first.item() == 3 * 2**2
        (second,) = torch.autograd.grad(first.sum(), x, create_graph=True)
        assert second.item() == 6 * 2
        (third,) = torch.autograd.grad(second.sum(), x)
        assert third.item() == 6


def test_without_gradients_there_is_no_graph():
    with running(f"{SETUP}\ndef f(x): return x * 2, torch.is_grad_enabled()") as session:
        x = torch.ones(2, requires_grad=True)
        with torch.no_grad():
            value, enabled = function(session)(x)
        assert not value.requires_grad and enabled is False


def network():
    """A network with a parameter of every kind: shared names, nesting, a buffer."""
    made = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Sequential(nn.Linear(3, 1))).double()
    made.register_buffer("offset", torch.tensor(0.5, dtype=torch.float64))
    return made


def test_networks_are_called_back_and_their_parameters_get_gradients():
    code = f"{SETUP}\ndef f(obs, policy, scale): return scale * policy(obs).square().mean()"
    with running(code) as session:
        policy, obs = network(), torch.randn(5, 2, dtype=torch.float64, requires_grad=True)
        function(session)(obs, policy=policy, scale=2.0).backward()
        got = [one.grad.clone() for one in policy.parameters()] + [obs.grad.clone()]
        policy.zero_grad()
        obs.grad = None
        (2.0 * policy(obs).square().mean()).backward()
        wanted = [one.grad for one in policy.parameters()] + [obs.grad]
        for one, other in zip(got, wanted, strict=True):
            assert torch.allclose(one, other)


def test_the_gradient_of_one_network_through_another():
    code = (
        f"{SETUP}\n"
        "def dpg_loss(obs, policy, q_function): return -q_function(obs, policy(obs)).mean()"
    )

    class Critic(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 1, dtype=torch.float64)

        def forward(self, obs, action):
            return self.layer(torch.cat([obs, action], -1)).tanh().squeeze(-1)

    with running(code) as session:
        policy, critic = network(), Critic()
        obs = torch.randn(4, 2, dtype=torch.float64)
        parameters = list(policy.parameters())
        got = torch.autograd.grad(function(session, "dpg_loss")(obs, policy, critic), parameters)
        wanted = torch.autograd.grad(-critic(obs, policy(obs)).mean(), parameters)
        for one, other in zip(got, wanted, strict=True):
            assert torch.allclose(one, other)


def test_networks_changed_in_place_are_changed_here():
    code = (
        f"{SETUP}\ndef update_target(target, online, target_rate):\n"
        "    with torch.no_grad():\n"
        "        for old, new in zip(target.parameters(), online.parameters()):\n"
        "            old.lerp_(new, target_rate)\n"
        "        for old, new in zip(target.buffers(), online.buffers()):\n"
        "            old.copy_(new)"
    )
    with running(code) as session:
        target, online = network(), network()
        online.offset += 1
        before = [one.detach().clone() for one in target.parameters()]
        assert function(session, "update_target")(target, online, 0.25) is None
        for old, new, now in zip(before, online.parameters(), target.parameters(), strict=True):
            assert torch.allclose(now, 0.75 * old + 0.25 * new)
        assert target.offset.item() == 1.5


def test_a_copied_network_keeps_its_own_parameters():
    code = (
        f"{SETUP}\nimport copy\ndef f(net, x):\n    other = copy.deepcopy(net)\n"
        "    with torch.no_grad():\n        for one in other.parameters(): one.zero_()\n"
        "    return other(x), net(x)"
    )
    with running(code) as session:
        net, x = network(), torch.ones(1, 2, dtype=torch.float64)
        zeroed, kept = function(session)(net, x)
        assert zeroed.item() == 0 and torch.allclose(kept, net(x))


def test_an_input_computed_from_others_keeps_its_graph_for_second_derivatives():
    """A Fisher-vector product asks for the Hessian of a KL that the other side computed."""
    code = (
        f"{SETUP}\ndef product(kl, parameters, vector, damping):\n"
        "    first = torch.autograd.grad(kl, parameters, create_graph=True)\n"
        "    flat = torch.cat([one.reshape(-1) for one in first])\n"
        "    second = torch.autograd.grad(flat @ vector, parameters, retain_graph=True)\n"
        "    return torch.cat([one.reshape(-1) for one in second]) + damping * vector"
    )
    with running(code) as session:
        a, b = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (2.0, [3.0, 4.0]))
        kl = (a**2 * b).sum() + (b**3).sum()
        vector = torch.tensor([1.0, 0.5, -1.0], dtype=torch.float64)
        for _ in range(2):  # The graph survives.
            got = function(session, "product")(kl, [a, b], vector, damping=0.1)
            # ∂²/∂a² = 2(3 + 4), ∂²/∂a∂b = 2a, ∂²/∂b² = 6b
            hessian = torch.tensor([[14.0, 4, 4], [4, 18, 0], [4, 0, 24]], dtype=torch.float64)
            assert torch.allclose(got, (hessian + 0.1 * torch.eye(3)) @ vector)


def test_the_gradient_through_such_an_input_counts_once():
    with running(f"{SETUP}\ndef f(y, x): return y * x") as session:
        x = torch.tensor(3.0, requires_grad=True)
        (gradient,) = torch.autograd.grad(function(session)(x**2, x), x)
        assert gradient.item() == 3 * 3**2


def test_functions_of_the_judge_are_called_back_with_gradients():
    with running(f"{SETUP}\ndef f(g, x): return g(x) + g(x=2 * x)") as session:
        x = torch.tensor(3.0, requires_grad=True)
        value = function(session)(lambda x: x**2, x)
        assert value.item() == 9 + 36
        value.backward()
        assert x.grad.item() == 2 * 3 + 8 * 3


def test_a_function_of_the_judge_may_call_the_student_again():
    with running(f"{SETUP}\ndef f(g, x): return g(x)\ndef h(x): return x + 1") as session:
        h = function(session, "h")
        assert function(session)(lambda x: 10 * h(x), torch.tensor(4.0)).item() == 50


def test_a_students_function_can_be_given_to_another_one():
    code = f"{SETUP}\ndef double(x): return 2 * x\ndef f(g, x): return g(x) + (g is double)"
    with running(code) as session:
        assert function(session)(function(session, "double"), 4) == 9


def test_what_was_lent_cannot_be_used_after_the_call():
    code = f"{SETUP}\nkept = []\ndef f(g): kept.append(g)\ndef later(x): return kept[0](x)"
    with running(code) as session:
        function(session)(lambda x: x + 1)
        with pytest.raises(RuntimeError, match="KeyError"):
            function(session, "later")(1)


def test_inputs_changed_in_place_are_changed_here_also_through_numpy():
    code = f"{SETUP}\ndef f(x, y, z):\n    x.add_(1)\n    y.numpy()[0] = 7\n    z.unsqueeze_(0)"
    with running(code) as session:
        x, y, z = torch.zeros(2), torch.zeros(2), torch.zeros(2)
        function(session)(x, y, z)
        assert x.tolist() == [1, 1] and y.tolist() == [7, 0] and z.shape == (1, 2)


def test_generators_go_on_where_the_student_left_them():
    with running(
        f"{SETUP}\ndef f(generator): return torch.rand(2, generator=generator)"
    ) as session:
        here, there = (torch.Generator().manual_seed(3) for _ in range(2))
        f = function(session)
        for _ in range(2):
            assert torch.equal(f(generator=there), torch.rand(2, generator=here))


def test_torchs_own_generator_is_one_on_both_sides():
    with running(f"{SETUP}\ndef f(): return torch.rand(2)") as session:
        f = function(session)
        torch.manual_seed(5)
        got = [f(), torch.rand(2), f()]
        torch.manual_seed(5)
        for one in got:
            assert torch.equal(one, torch.rand(2))


@pytest.mark.parametrize("kind", ["ValueError", "NotImplementedError", "IndexError", "KeyError"])
def test_errors_keep_their_kind_text_and_line(kind):
    with running(f"def f():\n    x = 1\n    raise {kind}('what <b>')") as session:
        f = function(session)
        with pytest.raises(getattr(__builtins__, kind, None) or eval(kind)) as raised:
            f()
        assert "what <b>" in str(raised.value)
        assert raised.value.student_line == f"line 3: raise {kind}('what <b>')"


@pytest.mark.parametrize(
    "raising",
    [
        "raise type('CheckFailed', (AssertionError,), {'points': 99})('forged')",
        "raise SystemExit(0)",
        "raise KeyboardInterrupt",
        "raise StopIteration",
        "raise type('A b', (Exception,), {})('x' * 10**6)",
        "raise UnicodeDecodeError('utf-8', b'', 0, 1, 'odd')",
        "class E(Exception):\n        def __str__(self): raise self\n    raise E",
    ],
)
def test_odd_errors_become_a_bounded_students_error(raising):
    with running(f"def f():\n    {raising}\ndef g(): return 1") as session:
        with pytest.raises(Exception) as raised:  # noqa: PT011
            function(session)()
        assert isinstance(raised.value, StudentError)
        assert len(str(raised.value)) <= 2000 and not hasattr(raised.value, "points")
        assert function(session, "g")() == 1


def test_objects_are_driven_call_by_call():
    code = (
        f"{SETUP}\nclass Buffer:\n    def __init__(self, size): self.rows, self.size = [], size\n"
        "    def add(self, x): self.rows = (self.rows + [x.clone()])[-self.size:]\n"
        "    def mean(self): return torch.stack(self.rows).mean(0)\n"
        "    def __len__(self): return len(self.rows)\n"
        "    def __getitem__(self, place): return self.rows[place]\n"
        "    @property\n    def last(self): return self.rows[-1]\n"
        "    def __iter__(self): return iter(self.rows)"
    )
    with running(code) as session:
        buffer = function(session, "Buffer")(size=2)
        for number in (1.0, 2.0, 4.0):
            buffer.add(torch.tensor(number))
        assert len(buffer) == 2 and buffer.mean().item() == 3 and buffer.last.item() == 4
        assert buffer[0].item() == 2 and [one.item() for one in buffer] == [2, 4]
        with pytest.raises(AttributeError):
            buffer.missing  # noqa: B018


def test_what_a_function_prints_is_passed_on_and_cut():
    with running("def f():\n    print('hello')\n    print('x' * 10**6)") as session:
        printed = []
        session.print = printed.append
        function(session)()
        assert printed[0].startswith("hello\nxxx") and len(printed[0]) == 2000


def test_the_watch_sees_a_row_times_a_column_on_the_other_side():
    with running(f"{SETUP}\ndef f(a, b): return (a * b.unsqueeze(1)).mean()") as session:
        f, inputs = function(session), (torch.ones(3), torch.ones(3))
        with f.watch() as watch:
            f(*inputs)
        assert watch.shapes == ((3,), (3, 1))
        with f.watch() as watch:
            pass
        assert watch.shapes is None


def test_a_call_that_does_not_end_is_interrupted_and_the_next_one_works():
    code = "def f():\n    while True: pass\ndef g(): return 1"
    with running(code) as session:
        session.until = session.now() + 0.5
        with pytest.raises(Interrupted):
            function(session)()
        session.until = session.now() + 30
        assert function(session, "g")() == 1


def test_who_is_interrupted_while_it_asks_answers_the_next_question():
    code = f"{SETUP}\ndef f(g):\n    while True: g(torch.ones(100))\ndef h(): return 1"
    with running(code) as session:
        for _ in range(3):
            session.until = session.now() + 0.3
            with pytest.raises((Interrupted, RuntimeError)):
                function(session)(lambda x: x)
            session.until = session.now() + 30
            assert function(session, "h")() == 1


def test_a_backward_pass_that_does_not_end_is_interrupted():
    code = (
        f"{SETUP}\nclass Slow(torch.autograd.Function):\n"
        "    @staticmethod\n    def forward(ctx, x): return x * 1\n"
        "    @staticmethod\n    def backward(ctx, g):\n        while True: pass\n"
        "f = Slow.apply"
    )
    with running(code) as session:
        value = function(session)(torch.ones(2, requires_grad=True))
        session.until = session.now() + 0.5
        with pytest.raises((Interrupted, Lost)):
            value.sum().backward()


def test_a_call_that_cannot_be_interrupted_loses_the_worker(monkeypatch):
    monkeypatch.setattr("autograde.wall.conversation.GRACE_SECONDS", 0.3)
    code = (
        "import signal\ndef f():\n    signal.signal(signal.SIGALRM, signal.SIG_IGN)\n"
        "    while True: pass"
    )
    with running(code) as session:
        session.until = session.now() + 0.3
        with pytest.raises(Lost) as lost:
            function(session)()
        assert lost.value.ending == HUNG


def test_a_call_that_ends_its_process_loses_the_worker():
    with running("import os\ndef f(): os._exit(0)") as session:
        with pytest.raises(Lost) as lost:
            function(session)()
        assert lost.value.ending == DIED


FIND = (
    "import gc, os, socket, struct\n"
    "line = next(o for o in gc.get_objects() if type(o).__name__ == 'Server').connection\n"
)


@pytest.mark.parametrize(
    "bytes_sent",
    [
        "os.urandom(4096)",
        "struct.pack('!II', 2**31, 0)",
        "struct.pack('!II', 2, 0) + b'{}'",
        "b'HTTP/1.1 200 OK\\r\\n\\r\\n'",
        'struct.pack(\'!II\', 44, 0) + b\'{"message": {"value": ["x", 1]}, "sizes": []}   \'',
        'struct.pack(\'!II\', 48, 0) + b\'{"message": {"value": ["yours", 1]}, "sizes": []}   \'',
    ],
)
def test_a_worker_that_sends_what_is_no_message_is_lost(bytes_sent):
    code = f"{FIND}def f():\n    line.sendall({bytes_sent})\n    while True: pass"
    with running(code) as session:
        session.until = session.now() + 5
        with pytest.raises(Lost) as lost:
            function(session)()
        assert lost.value.ending == BROKE


def sending(message):
    """Code that sends this message."""
    return f"line.sendall(struct.pack('!II', {len(message)}, 0) + {message!r})"


def test_a_forged_answer_is_only_an_answer_and_the_next_question_finds_it_out():
    code = f"{FIND}def f():\n    {sending(FORGED)}\n    return 1"
    with running(code) as session:
        assert function(session)() == 42  # It lied about its own result, as any function can.
        with pytest.raises(Lost, match="nobody asked for") as lost:
            session.values(["f"])
        assert lost.value.ending == BROKE


FORGED = b'{"message": {"value": 42, "part": 1}, "sizes": []}'


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ({"value": 1}, None),
        ({"part": {}, "graph": ["list", []]}, None),
        ({"error": ["list", ["ValueError", "no", ""]]}, "error"),
        ({"error": ["list", ["CellTimeout", "late", ""]]}, "timeout"),
    ],
    ids=["value", "graph", "error", "timeout"],
)
def test_another_answer_than_a_cells_costs_that_cell(reply, status):
    forged = json.dumps({"message": reply, "sizes": []}).encode()
    with running(FIND) as session:
        if status:
            assert session.run_cell(sending(forged))["status"] == status
        else:
            with pytest.raises(Lost) as lost:
                session.run_cell(sending(forged))
            assert lost.value.ending == BROKE


def test_what_was_lent_computes_only_so_much_for_a_call(monkeypatch):
    monkeypatch.setattr("autograde.wall.session.MAX_LENT_BYTES", 1000)
    code = (
        f"{SETUP}\ndef f(g, count):\n    return sum(float(g(torch.ones(25))) for _ in range(count))"
    )
    with running(code) as session:
        for _ in range(2):
            assert function(session)(torch.sum, 10) == 250
        with pytest.raises(RuntimeError, match="too much was asked"):
            function(session)(torch.sum, 11)


def test_graphs_beyond_a_number_of_bytes_are_forgotten():
    graphs = Graphs(most_bytes=100)
    x = torch.ones(10, requires_grad=True)
    numbers = [graphs.keep([x], [2 * x]) for _ in range(3)]
    assert list(graphs.kept) == numbers[-1:]


def test_a_worker_cannot_ask_for_what_it_was_not_lent():
    questions = [
        {"ask": "call", "number": 1, "state": [], "args": [], "kwargs": {}, "grad": True},
        {"ask": "backward", "graph": 1, "grads": [], "create": False},
    ]
    code = (
        f"{FIND}server = next(o for o in gc.get_objects() if type(o).__name__ == 'Server')\n"
        "def f(question):\n    try: return server.ask(**question)\n"
        "    except RuntimeError as error: return str(error)"
    )
    with running(code) as session:
        for question in questions:
            assert function(session)(question).split(":")[0] in ("KeyError", "RuntimeError")


def test_an_agent_is_evaluated_with_the_environment_on_this_side():
    code = (
        "import numpy as np\n"
        "def agent(obs): return (obs @ np.array([0.02, 0.05, 1.0, 0.3]) > 0).astype(int)"
    )
    with running(code) as session:
        returns = evaluate_agent(function(session, "agent"), "CartPole-v1", episodes=3, seed=5)
        assert returns.tolist() == [500.0] * 3
