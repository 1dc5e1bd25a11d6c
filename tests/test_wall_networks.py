"""A network of a student's is an `nn.Module` for the checks: parameters, modes, gradients."""

import copy

import pytest
import torch
from torch import nn

from autograde.wall.endings import BROKE, Lost
from autograde.wall.remote_module import Method, RemoteModule
from tests.walled import running

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
        self.out = nn.Linear(3, 1)
        self.register_buffer("scale", torch.tensor(2.0))
        self.seen = 0

    def forward(self, x, *, shift=0.0):
        return self.scale * self.out(self.hidden(x)) + shift

    def doubled(self, x):
        return 2 * self(x)

torch.manual_seed(3)
net = Net()
"""


@pytest.fixture(scope="module")
def line():
    """A worker in which `Net` and `net` are defined; the tests leave both as they are."""
    with running(NET, "def f(network, x): return network(x).sum()") as session:
        yield session


def net_of(session, name="net"):
    """A fresh copy of the student's network."""
    return session.values([name])[name]


def twin():
    """The same network, made here."""
    torch.manual_seed(3)
    made = nn.Module()
    made.hidden = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    made.out = nn.Linear(3, 1)
    made.forward = lambda x: 2.0 * made.out(made.hidden(x))
    return made


def test_it_is_a_module_with_the_students_names_and_numbers(line):
    net = net_of(line)
    assert isinstance(net, nn.Module) and type(net).__name__ == "Net" and net.__name__ == "net"
    wanted = dict(twin().named_parameters())
    assert {name for name, _ in net.named_parameters()} == set(wanted)
    assert all(torch.equal(net.state_dict()[name], one) for name, one in wanted.items())
    assert net.scale.item() == 2 and net.hidden.get_parameter("0.bias").shape == (3,)
    assert all(isinstance(one, nn.Parameter) and one.requires_grad for one in net.parameters())


def test_its_forward_pass_gives_gradients_to_parameters_and_inputs(line):
    net, here = net_of(line), twin()
    x, y = (torch.tensor([[0.5, -1.0], [2.0, 0.1]], requires_grad=True) for _ in range(2))
    value, wanted = net(x), here.forward(y)
    assert torch.allclose(value, wanted)
    assert torch.allclose(net(x, shift=1.0), wanted + 1)
    value.square().sum().backward()
    wanted.square().sum().backward()
    assert torch.allclose(x.grad, y.grad)
    for name, one in here.named_parameters():
        assert torch.allclose(net.get_parameter(name).grad, one.grad)


def test_a_class_is_called_for_new_networks_which_do_not_share_parameters(line):
    first, second = (net_of(line, "Net")() for _ in range(2))
    with torch.no_grad():
        for one in first.parameters():
            one.zero_()
    x = torch.ones(1, 2)
    assert first(x).item() == 0 != second(x).item()


def test_an_optimiser_here_trains_it(line):
    net = net_of(line, "Net")()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    x, losses = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), []
    for _ in range(20):
        loss = (net(x) - torch.tensor([[1.0], [-1.0]])).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


def test_a_students_function_gets_it_with_its_present_values_and_gives_gradients(line):
    net = net_of(line, "Net")()
    with torch.no_grad():
        net.out.bias.fill_(7.0)
        net.out.weight.zero_()
    value = net_of(line, "f")(net, torch.ones(3, 2))
    assert value.item() == 3 * 2 * 7
    value.backward()
    assert net.out.bias.grad.tolist() == [3 * 2]


def test_methods_and_attributes_can_be_asked_for(line):
    net, x = net_of(line), torch.ones(1, 2)
    assert net.seen == 0 and isinstance(net.doubled, Method)
    value = net.doubled(x)
    assert torch.allclose(value, 2 * net(x))
    value.sum().backward()
    assert net.out.bias.grad.tolist() == [2 * 2]
    with pytest.raises(AttributeError):
        net.missing  # noqa: B018
    with pytest.raises(AttributeError):
        net._private  # noqa: B018


def test_a_deep_copy_is_a_network_of_its_own(line):
    net = net_of(line)
    other = copy.deepcopy(net)
    assert isinstance(other, RemoteModule) and other is not net
    with torch.no_grad():
        other.out.bias.add_(1)
    x = torch.zeros(1, 2)
    assert other(x).item() == pytest.approx(net(x).item() + 2)


def test_training_mode_and_running_statistics_cross():
    code = "import torch\nfrom torch import nn\nnet = nn.Sequential(nn.BatchNorm1d(1))"
    with running(code) as session:
        net = net_of(session)
        x = torch.tensor([[1.0], [3.0]])
        assert net.training and net(x).mean().item() == pytest.approx(0)
        assert net.get_buffer("0.running_mean").item() == pytest.approx(0.1 * 2)
        net.eval()
        expected = (1 - 0.2) / (net.get_buffer("0.running_var").item() + 1e-5) ** 0.5
        assert net(x)[0].item() == pytest.approx(expected, rel=1e-5)


def test_frozen_parameters_stay_frozen_on_both_sides(line):
    net = net_of(line, "Net")()
    net.hidden.requires_grad_(False)
    net(torch.ones(1, 2)).sum().backward()
    assert net.out.weight.grad is not None
    assert all(one.grad is None for one in net.hidden.parameters())


@pytest.mark.parametrize(
    "parts",
    [
        "1",
        "[['w', True]]",
        "[['w', True, 1.0]]",
        "[['w', True, torch.tensor(1)]]",
        "[['forward', False, torch.tensor(1.0)]]",
        "[['_line', False, torch.tensor(1.0)]]",
        "[['a' + '.a' * 1000, False, torch.tensor(1.0)]]",
        "[['a', False, torch.tensor(1.0)], ['a.b', False, torch.tensor(1.0)]]",
    ],
)
def test_what_is_no_network_loses_the_worker(parts):
    code = (
        "import gc, torch\nfrom torch import nn\n"
        "server = next(o for o in gc.get_objects() if type(o).__name__ == 'Server')\n"
        f"parts = {parts}\n"
        "class Fake: pass\nfake = Fake()\nkeep = server.keep\n"
        "def forged(value):\n"
        "    return ['network', 1, 'Net', parts, True] if value is fake else keep(value)\n"
        "server.keep = forged\ndef f(): return fake"
    )
    with running(code) as session:
        f = net_of(session, "f")
        with pytest.raises(Lost) as lost:
            f()
        assert lost.value.ending == BROKE
