"""A student's network as the trusted side sees it: an `nn.Module` whose forward pass is elsewhere.

Its parameters and buffers are copies. They cross with every call, so that an optimiser here may
change them, and what the call changes there is changed here; gradients reach them. Copies that were
asked for separately do not know of each other.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from torch import nn

from autograde.wall.networks import are_parts, fill
from autograde.wall.proxies import Remote
from autograde.wall.wire import BrokenFrame, require

if TYPE_CHECKING:
    from autograde.wall.session import Session


class RemoteModule(nn.Module):
    """A network of the student's; `_line` is (session, number), once it is complete."""

    _line: "tuple[Session, int] | None" = None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The student's forward pass."""
        return Method(self, "__call__")(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name.startswith("_") or self._line is None:
                raise
        found = self._line[0].ask("attribute", target=self, name=name)["value"]
        is_method = isinstance(found, Remote) and found._kind == "method"
        return Method(self, name) if is_method else found

    def __deepcopy__(self, memo: dict) -> "RemoteModule":
        return self._line[0].ask("operate", name="copy", args=(self,))["value"]


class Method:
    """A method of a network, called with the values that the network has here."""

    def __init__(self, network: RemoteModule, name: str) -> None:
        self.network, self.name = network, name
        self.__name__ = self.__qualname__ = f"{type(network).__name__}.{name}".removesuffix(
            ".__call__"
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.network._line[0].call(self, (self.network, *args), kwargs)


@lru_cache(maxsize=256)
def module_kind(kind: str) -> type[RemoteModule]:
    """`RemoteModule` by the name of the student's class."""
    return type(kind if kind.isidentifier() else "Module", (RemoteModule,), {})


def remote_module(session: "Session", number: int, kind: str, parts: Any) -> RemoteModule:
    """The network with this number.

    Raises:
        BrokenFrame: the parts are none.
    """
    require(are_parts(parts), "a network that is none")
    made = module_kind(kind[:60])()
    try:
        fill(made, parts)
    except (KeyError, AttributeError, TypeError) as error:
        raise BrokenFrame(f"a network with odd names ({type(error).__name__})") from None
    made._line = (session, number)
    return made
