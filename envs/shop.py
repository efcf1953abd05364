"""A small stateful world: a shop with a cart, money, stock and coupons drawn by chance.

It shows what a world with side effects needs (what one branch buys must not be in another's
cart), and proves that all ways of branching give the same tree. No network, no data.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

from ..core import API, Action, BadArguments, Step, StepInfo, Task, ToolEnv, ToolError, Turn
from ..core.contracts import Fork

GOODS: Mapping[str, Mapping[str, float]] = {
    "fruit": {"apple": 0.5, "pear": 0.75, "melon": 3.0, "mango": 1.25},
    "bakery": {"bread": 2.5, "bun": 0.5, "cake": 8.0, "bagel": 1.0},
    "dairy": {"milk": 1.25, "butter": 2.25, "yoghurt": 0.75, "cheese": 4.5},
    "drinks": {"tea": 3.5, "coffee": 6.0, "juice": 2.0, "water": 0.5},
}
STOCK = 9


def _schema(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


_ITEM = {"type": "string", "description": "Name of a good, as the shelf lists it."}
_COUNT = {"type": "integer", "minimum": 1, "maximum": STOCK}
APIS = (
    API(
        "list_shelf",
        "List the goods of one shelf with price and stock.",
        _schema(shelf={"type": "string", "enum": list(GOODS)}),
        "Commerce",
        "Corner Shop",
        "List shelf",
    ),
    API(
        "add_to_cart",
        "Put pieces of a good into the cart.",
        _schema(item=_ITEM, quantity=_COUNT),
        "Commerce",
        "Corner Shop",
        "Add to cart",
        read_only=False,
    ),
    API(
        "remove_from_cart",
        "Take a good out of the cart altogether.",
        _schema(item=_ITEM),
        "Commerce",
        "Corner Shop",
        "Remove from cart",
        read_only=False,
    ),
    API(
        "view_cart",
        "Show the cart and its total.",
        _schema(),
        "Commerce",
        "Corner Shop",
        "View cart",
    ),
    API(
        "draw_coupon",
        "Draw a coupon once before paying: some percent off, by chance.",
        _schema(),
        "Commerce",
        "Corner Shop",
        "Draw coupon",
        read_only=False,
    ),
    API(
        "checkout",
        "Pay what is in the cart. Nothing can be changed afterwards.",
        _schema(),
        "Commerce",
        "Corner Shop",
        "Check out",
        read_only=False,
    ),
)


class ShopEnv(ToolEnv):
    """The shop.

    Args:
        fork: ``snapshot``, ``replay`` or ``never``: how the framework may branch it.
    """

    apis = APIS

    def __init__(self, fork: Fork = "snapshot") -> None:
        if fork not in ("snapshot", "replay", "never"):
            raise ValueError(f"fork must be snapshot, replay or never, not {fork!r}")
        self.fork: Fork = fork
        self._cart: dict[str, int] = {}
        self._coupon: int | None = None
        self._paid: float | None = None
        self._random = random.Random(0)

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        """An empty cart; the coupons depend on the seed and the task."""
        self._cart, self._coupon, self._paid = {}, None, None
        self._random = random.Random(f"{seed}/{task.id}")
        return "Shelves: " + ", ".join(GOODS), {}

    async def step(self, action: Action) -> Step:
        """Make one call."""
        arguments = action.kwargs()
        if self._paid is not None and action.api not in ("view_cart", "list_shelf"):
            raise ToolError("The bill is paid, the shop is closed for you.")
        match action.api:
            case "list_shelf":
                got = self._list_shelf(_text(arguments, "shelf"))
            case "add_to_cart":
                got = self._add(_text(arguments, "item"), _count(arguments, "quantity"))
            case "remove_from_cart":
                got = self._remove(_text(arguments, "item"))
            case "view_cart":
                got = {"cart": self._cart, "total": self._total()}
            case "draw_coupon":
                got = self._draw()
            case "checkout":
                got = self._check_out()
            case other:
                raise ToolError(f"No such function name: {other}", "no_such_api")
        body = json.dumps({"error": "", "response": got})
        return Step(body, 0.0, False, False, StepInfo("ok", "computed"))

    def snapshot(self) -> object:
        """Cart, coupon, bill and the state of chance."""
        return tuple(self._cart.items()), self._coupon, self._paid, self._random.getstate()

    def restore(self, snapshot: object) -> None:
        """Back to that state."""
        assert isinstance(snapshot, tuple)
        cart, self._coupon, self._paid, chance = snapshot
        self._cart = dict(cart)
        self._random.setstate(chance)

    def _list_shelf(self, shelf: str) -> Any:
        if shelf not in GOODS:
            raise BadArguments(f"No shelf {shelf!r}; there are: {', '.join(GOODS)}")
        return [
            {"item": item, "price": price, "stock": STOCK - self._cart.get(item, 0)}
            for item, price in GOODS[shelf].items()
        ]

    def _add(self, item: str, quantity: int) -> Any:
        price_of(item)
        left = STOCK - self._cart.get(item, 0)
        if quantity > left:
            raise ToolError(f"Only {left} of {item} left.")
        self._cart[item] = self._cart.get(item, 0) + quantity
        return {"cart": self._cart, "total": self._total()}

    def _remove(self, item: str) -> Any:
        if item not in self._cart:
            raise ToolError(f"There is no {item} in the cart.")
        del self._cart[item]
        return {"cart": self._cart, "total": self._total()}

    def _draw(self) -> Any:
        if self._coupon is not None:
            raise ToolError("Only one coupon a visit.")
        self._coupon = self._random.choice((0, 4, 8, 12, 20))
        return {"percent_off": self._coupon}

    def _check_out(self) -> Any:
        if not self._cart:
            raise ToolError("The cart is empty.")
        self._paid = round(self._total() * (100 - (self._coupon or 0)) / 100, 2)
        return {"paid": self._paid, "items": sum(self._cart.values())}

    def _total(self) -> float:
        return round(sum(price_of(item) * n for item, n in self._cart.items()), 2)


def price_of(item: str) -> float:
    """The price of one piece.

    Raises:
        BadArguments: the shop does not have it.
    """
    for shelf in GOODS.values():
        if item in shelf:
            return shelf[item]
    raise BadArguments(f"No good is called {item!r}.")


def _text(arguments: Mapping[str, Any], key: str) -> str:
    value = arguments.get(key)
    if not isinstance(value, str):
        raise BadArguments(f"{key!r} must be a text.")
    return value


def _count(arguments: Mapping[str, Any], key: str) -> int:
    value = arguments.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= STOCK:
        raise BadArguments(f"{key!r} must be a whole number from 1 to {STOCK}.")
    return value


def shop_tasks(n: int = 20, *, seed: int = 0) -> list[Task]:
    """N shopping tasks with a checkable answer (what was paid) and one solution each.

    The solution stands in ``recording`` as a chain of turns without observations: for the
    ``stumble`` model, which follows it with mistakes.
    """
    tasks = []
    for i in range(n):
        rng = random.Random(f"shop/{seed}/{i}")
        basket: list[tuple[str, str, int]] = []
        for shelf in rng.sample(sorted(GOODS), rng.randint(1, 3)):
            item = rng.choice(sorted(GOODS[shelf]))
            basket.append((shelf, item, rng.randint(1, 5)))
        wanted = ", ".join(f"{n} x {item}" for _, item, n in basket)
        total = round(sum(price_of(item) * n for _, item, n in basket), 2)
        calls: list[tuple[str, dict[str, Any]]] = []
        for shelf, item, quantity in basket:
            calls.append(("list_shelf", {"shelf": shelf}))
            calls.append(("add_to_cart", {"item": item, "quantity": quantity}))
        calls.append(("checkout", {}))
        turn: Turn | None = None
        for name, arguments in reversed(calls):
            text = json.dumps(arguments)
            turn = Turn(api=name, arguments=text, turns=() if turn is None else (turn,))
        assert turn is not None
        tasks.append(
            Task(
                id=f"shop-{i:03d}",
                instruction=f"Buy exactly {wanted}, without a coupon. How much did you pay?",
                apis=APIS,
                relevant=tuple(dict.fromkeys(name for name, _ in calls)),
                answer=f"{total:.2f}",
                group="shop",
                recording=Turn(turns=(turn,)),
            )
        )
    return tasks
