"""Gaming: poker hands, ratings, and the odds of dice."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from random import Random
from typing import Any

from ..entities import entities
from ..registry import HubError, Tool, gives, takes
from ..types import measure, sem

Response = Mapping[str, Any]

RANKS = {
    "2": "two",
    "3": "three",
    "4": "four",
    "5": "five",
    "6": "six",
    "7": "seven",
    "8": "eight",
    "9": "nine",
    "T": "ten",
    "J": "jack",
    "Q": "queen",
    "K": "king",
    "A": "ace",
}
SUITS = {"c": "clubs", "d": "diamonds", "h": "hearts", "s": "spades"}
sem("hole_cards", about="two cards, as 'Qs Th' (ranks 2-9 T J Q K A, suits c d h s)", high=8)
sem("rival_cards", about="two cards, as 'Kd Kc'", high=8, wider="hole_cards")
sem("board_cards", about="three to five cards on the board, as 'Ah Kd Jc'", high=20)
sem("turn_board", about="four cards on the board, as 'Ah Kd Jc 2s'", high=14, wider="board_cards")
sem("river_board", about="five cards on the board", high=17, wider="board_cards")
sem("rating", kind="number", about="rating of a player", low=0, high=4000, compare="number")
sem("game_score", kind="number", about="result of a game: 1 win, 0.5 draw, 0 loss", low=0, high=1,
    choices=(0, 0.5, 1), compare="number")  # fmt: skip
measure("rating_deviation", "rating deviation", 30, 350)
measure("expected_percent", "expected score in percent", 0.1, 99.9)
measure("dice_count", "number of six-sided dice", 1, 12, kind="integer", tolerance=0)
measure("dice_total", "total of the dice", 1, 72, kind="integer", tolerance=0)
measure("tosses", "coin tosses", 1, 200, kind="integer", tolerance=0)
measure("heads", "heads", 0, 200, kind="integer", tolerance=0)
measure("pool_size", "things to choose from", 1, 60, kind="integer", tolerance=0)
measure("picked", "things to choose", 0, 60, kind="integer", tolerance=0)
measure("group_size", "people in a group", 2, 366, kind="integer", tolerance=0)
measure("strength", "strength of a hand: 1 for a royal flush, 7462 for the worst", 1, 7462,
        kind="integer", tolerance=0)  # fmt: skip

# ---------------------------------------------------------------- PokerEvaluator
poker = Tool("PokerEvaluator", "Gaming", "Hold'em hands: their class and who wins.", ("treys",))


@lru_cache(maxsize=1)
def _evaluator() -> Any:
    from treys import Evaluator

    return Evaluator()


def _cards(text: str, counts: Sequence[int], name: str) -> list[str]:
    cards = [card[0].upper() + card[1].lower() for card in text.split() if len(card) == 2]
    valid = all(card[0] in RANKS and card[1] in SUITS for card in cards)
    if not valid or len(cards) not in counts or len(cards) != len(text.split()):
        many = " or ".join(map(str, counts))
        raise HubError(f"{name} must be {many} cards as 'Qs Th', parted by blanks", 400)
    return cards


def _apart(*groups: Sequence[str]) -> None:
    cards = [card for group in groups for card in group]
    if len(set(cards)) < len(cards):
        raise HubError("a card appears twice", 400)


@lru_cache(maxsize=1)
def _deck() -> dict[str, int]:
    from treys import Card

    return {rank + suit: int(Card.new(rank + suit)) for rank in RANKS for suit in SUITS}


def _strength(cards: Sequence[str], board: Sequence[str]) -> int:
    deck = _deck()
    made = _evaluator().evaluate([deck[card] for card in cards], [deck[card] for card in board])
    return int(made)


def _class(strength: int) -> str:
    evaluator = _evaluator()
    name = str(evaluator.class_to_string(evaluator.get_rank_class(strength)))
    return "Royal Flush" if strength == 1 else name


@poker.api(
    "The best five-card hand of two hole cards and three to five board cards.",
    {"hand": takes("hole_cards", "Qs Th"), "board": takes("board_cards", "Ah Kd Jc")},
    {
        "class": gives(
            "text",
            "the class of the best poker hand made of {hand} with {board} on the board",
            ask="What kind of poker hand do {hand} make with {board} on the board?",
        ),
        "strength": gives(
            "strength",
            "the place among the 7,462 distinct poker hands (1 being the royal flush) of the best "
            "hand made of {hand} with {board} on the board",
        ),
    },
)
def rank_hand(hand: str, board: str) -> Response:
    cards, shared = _cards(hand, (2,), "hand"), _cards(board, (3, 4, 5), "board")
    _apart(cards, shared)
    strength = _strength(cards, shared)
    return {"class": _class(strength), "strength": strength}


@poker.api(
    "Which of two hands wins on a full board.",
    {
        "hand1": takes("hole_cards", "As Ad"),
        "hand2": takes("rival_cards", "Kh Qh"),
        "board": takes("river_board", "2h 7h 9h Tc Ac"),
    },
    {
        "winning_class": gives(
            "text",
            "the class of the better poker hand when {hand1} play against {hand2} with {board} on "
            "the board",
        ),
        "winner": gives(
            "text",
            "the winner (first, second or split) when {hand1}, held by the first player, meet "
            "{hand2}, held by the second, with {board} on the board",
        ),
    },
)
def showdown(hand1: str, hand2: str, board: str) -> Response:
    first, second = _cards(hand1, (2,), "hand1"), _cards(hand2, (2,), "hand2")
    shared = _cards(board, (5,), "board")
    _apart(first, second, shared)
    a, b = _strength(first, shared), _strength(second, shared)
    return {
        "winner": "first" if a < b else "second" if b < a else "split",
        "winning_class": _class(min(a, b)),
        "class1": _class(a),
        "class2": _class(b),
    }


@poker.api(
    "The river cards with which the first of two hands wins, four board cards being known.",
    {
        "hand1": takes("hole_cards", "8h 9h"),
        "hand2": takes("rival_cards", "As Ad"),
        "board": takes("turn_board", "Th Jc 2h 5s"),
    },
    {
        "wins": gives(
            "count",
            "the number of the 44 possible river cards with which {hand1} beat {hand2} when the "
            "board shows {board}",
        )
    },
)
def river_outs(hand1: str, hand2: str, board: str) -> Response:
    first, second = _cards(hand1, (2,), "hand1"), _cards(hand2, (2,), "hand2")
    shared = _cards(board, (4,), "board")
    _apart(first, second, shared)
    known = {*first, *second, *shared}
    outs = [
        card
        for card in _deck()
        if card not in known
        and _strength(first, [*shared, card]) < _strength(second, [*shared, card])
    ]
    return {"wins": len(outs), "cards": outs}


# ---------------------------------------------------------------- SkillRatings
skill = Tool("SkillRatings", "Gaming", "Elo and Glicko-2: expected scores and new ratings.")


@skill.api(
    "Elo: expected score and new rating (K = 20) after one game.",
    {
        "rating": takes("rating", 1500),
        "opponent": takes("rating", 1700),
        "score": takes("game_score", 1),
    },
    {
        "new_rating": gives(
            "rating",
            "the new Elo rating (K = 20) of a player rated {rating} after {score} against an "
            "opponent rated {opponent}",
        )
    },
)
def elo(rating: float, opponent: float, score: float) -> Response:
    expected = _expected(rating, opponent)
    return {
        "expected": round(expected, 4),
        "new_rating": round(max(0.0, rating + 20 * (score - expected)), 2),
    }


def _expected(rating: float, opponent: float) -> float:
    return float(1 / (1 + 10 ** ((opponent - rating) / 400)))


@skill.api(
    "The score that Elo's formula expects of a player, in percent.",
    {"rating": takes("rating", 1600), "opponent": takes("rating", 1500)},
    {
        "percent": gives(
            "percent",
            "the expected score in percent, by the Elo formula, of a player rated {rating} against "
            "one rated {opponent}",
        )
    },
)
def expected_score(rating: float, opponent: float) -> Response:
    return {"percent": round(100 * _expected(rating, opponent), 3)}


@skill.api(
    "Glicko-2: the new rating and deviation after one game (volatility 0.06, tau 0.5).",
    {
        "rating": takes("rating", 1500),
        "deviation": takes("rating_deviation", 200),
        "opponent": takes("rating", 1400),
        "opponent_deviation": takes("rating_deviation", 30),
        "score": takes("game_score", 1),
    },
    {
        "rating": gives(
            "rating",
            "the new Glicko-2 rating (volatility 0.06, tau 0.5) of a player rated {rating} with a "
            "deviation of {deviation} after {score} against an opponent rated {opponent} with a "
            "deviation of {opponent_deviation}",
        ),
        "deviation": gives(
            "number",
            "the new Glicko-2 rating deviation (volatility 0.06, tau 0.5) of a player rated "
            "{rating} with a deviation of {deviation} after {score} against an opponent rated "
            "{opponent} with a deviation of {opponent_deviation}",
        ),
    },
    libs=("glicko2",),
)
def glicko(
    rating: float, deviation: float, opponent: float, opponent_deviation: float, score: float
) -> Response:
    from glicko2 import Player

    if abs(rating - opponent) > 1500:
        raise HubError("the ratings must not differ by more than 1500", 400)
    player = Player(rating, deviation, 0.06)
    player.update_player([opponent], [opponent_deviation], [score])
    return {"rating": round(player.rating, 2), "deviation": round(player.rd, 2)}


@skill.api(
    "The lead in Elo rating at which a player is expected to score a percentage.",
    {"percent": takes("expected_percent", 75)},
    {
        "difference": gives(
            "number", "the lead in Elo points at which a player is expected to score {percent}"
        )
    },
)
def lead_for_score(percent: float) -> Response:
    return {"difference": round(400 * math.log10(percent / (100 - percent)), 2)}


# ---------------------------------------------------------------- DiceOdds
odds = Tool("DiceOdds", "Gaming", "Chances of dice, coins and draws.")


@lru_cache(maxsize=16)
def _ways(dice: int) -> tuple[int, ...]:
    """In how many ways dice show a total, by total."""
    ways = [1]
    for _ in range(dice):
        longer = [0] * (len(ways) + 6)
        for total, count in enumerate(ways):
            for face in range(1, 7):
                longer[total + face] += count
        ways = longer
    return tuple(ways)


@odds.api(
    "The chance that six-sided dice show a total, or more than it.",
    {"dice": takes("dice_count", 3), "total": takes("dice_total", 11)},
    {
        "percent": gives(
            "percent",
            "the probability in percent that {dice} show a total of exactly {total}",
        ),
        "ways": gives("integer", "the number of ways in which {dice} show a total of {total}"),
        "at_least_percent": gives(
            "percent", "the probability in percent that {dice} show a total of at least {total}"
        ),
    },
)
def dice_sum(dice: int, total: int) -> Response:
    if not dice <= total <= 6 * dice:
        raise HubError(f"the total of {dice} dice is from {dice} to {6 * dice}", 400)
    ways, all_ways = _ways(dice), 6**dice
    return {
        "ways": ways[total],
        "percent": round(100 * ways[total] / all_ways, 5),
        "at_least_percent": round(100 * sum(ways[total:]) / all_ways, 5),
    }


@odds.api(
    "The chance of at least one six when dice are thrown.",
    {"dice": takes("dice_count", 4)},
    {"percent": gives("percent", "the probability in percent of at least one six with {dice}")},
)
def at_least_one_six(dice: int) -> Response:
    return {"percent": round(100 * (1 - (5 / 6) ** dice), 5)}


@odds.api(
    "The chance of a number of heads in tosses of a fair coin.",
    {"tosses": takes("tosses", 10), "heads": takes("heads", 4)},
    {
        "percent": gives(
            "percent",
            "the probability in percent of exactly {heads} in {tosses} of a fair coin",
        ),
        "at_least_percent": gives(
            "percent",
            "the probability in percent of at least {heads} in {tosses} of a fair coin",
        ),
    },
)
def coin_heads(tosses: int, heads: int) -> Response:
    if heads > tosses:
        raise HubError("there cannot be more heads than tosses", 400)
    ways = [math.comb(tosses, k) for k in range(heads, tosses + 1)]
    return {
        "percent": round(100 * ways[0] / 2**tosses, 6),
        "at_least_percent": round(100 * sum(ways) / 2**tosses, 6),
    }


@odds.api(
    "In how many ways some of a number of things can be chosen, order not counting.",
    {"pool": takes("pool_size", 49), "picked": takes("picked", 6)},
    {
        "combinations": gives(
            "integer",
            "the number of ways to choose {picked} out of {pool} different things, order not "
            "counting",
        )
    },
)
def combinations(pool: int, picked: int) -> Response:
    if picked > pool:
        raise HubError("one cannot choose more than there are", 400)
    ways = math.comb(pool, picked)
    if ways > 10**15:
        raise HubError("the number is above 10^15", 422)
    return {"combinations": ways}


@odds.api(
    "The chance that two of a group share a birthday (365 equally likely days).",
    {"people": takes("group_size", 23)},
    {
        "percent": gives(
            "percent",
            "the probability in percent that two of {people} share a birthday (365 equally likely "
            "days)",
        )
    },
)
def shared_birthday(people: int) -> Response:
    apart = math.prod((365 - k) / 365 for k in range(people))
    return {"percent": round(100 * (1 - apart), 4)}


# ---------------------------------------------------------------- entities
def _hands(seed: int, size: int, suits: str) -> list[str]:
    rng = Random(seed)
    deck = [rank + suit for rank in RANKS for suit in suits]
    return [" ".join(rng.sample(deck, size)) for _ in range(150)]


def _card_words(text: str) -> list[str]:
    names = [f"the {RANKS[card[0]]} of {SUITS[card[1]]}" for card in text.split()]
    return [f"{', '.join(names[:-1])} and {names[-1]}"]


def _declare(type: str, values: Sequence[float], words: str = "{:g}") -> None:
    entities(type, lambda: values, says=lambda v: (words.format(v),))


entities("hole_cards", lambda: _hands(31, 2, "hs"), says=_card_words)
entities("rival_cards", lambda: _hands(32, 2, "cd"), says=_card_words)
entities("board_cards", lambda: _hands(33, 5, "cdhs"), says=_card_words)
entities("turn_board", lambda: _hands(34, 4, "cdhs"), says=_card_words)
entities("river_board", lambda: _hands(35, 5, "cdhs"), says=_card_words)
entities("game_score", lambda: (1, 0.5, 0),
         says=lambda v: ({1: "a win", 0.5: "a draw", 0: "a loss"}[v],))  # fmt: skip
_declare("rating", tuple(range(1200, 2400, 40)))
_declare("rating_deviation", (50, 80, 100, 150, 200, 250, 300))
_declare("expected_percent", (55, 60, 64, 66, 70, 75, 80, 85, 90, 95), "{:g} %")
_declare("dice_count", tuple(range(2, 7)), "{:g} six-sided dice")
_declare("dice_total", tuple(range(6, 22)))
_declare("tosses", tuple(range(8, 31)), "{:g} tosses")
_declare("heads", tuple(range(2, 13)), "{:g} heads")
_declare("pool_size", tuple(range(12, 53)))
_declare("picked", tuple(range(3, 9)))
_declare("group_size", tuple(range(8, 61)), "{:g} people")
