"""Movies: 16,000 films of 1940 to 2014, who made them and what they earned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from ..entities import entities
from ..pack import columns, table
from ..registry import HubError, Tool, found, gives, maybe, takes
from ..types import lists, measure, sem
from .location import fold

Response = Mapping[str, Any]

sem("movie_title", about="title of a film, as Inception", high=100, compare="name")
sem("imdb_id", about="IMDb identifier of a film, as tt1375666", high=10, entity=True)
sem("world_film", about="IMDb identifier of a film, as tt0047478", high=10, entity=True,
    wider="imdb_id")  # fmt: skip
sem("director", about="full name of a film director", compare="name", wider="person")
sem("actor", about="full name of an actor", compare="name", wider="person")
sem("busy_actor", about="full name of an actor", compare="name", wider="person")
sem("movie_year", kind="integer", about="year, 1940 to 2014", low=1940, high=2014,
    compare="number", tolerance=0, wider="year")  # fmt: skip
sem("busy_year", kind="integer", about="year, 1940 to 2014", low=1940, high=2014,
    compare="number", tolerance=0, wider="year")  # fmt: skip
measure("metascore", "Metacritic score", 0, 100, kind="integer", tolerance=0)
measure("dollars", "US dollars", 0, 1e13)
lists("imdb_id")
lists("person")
lists("country_name")


# ---------------------------------------------------------------- the films
@dataclass(frozen=True)
class Film:
    """A row of the table."""

    imdb_id: str
    title: str
    year: int
    released: str
    runtime: float
    genres: str
    director: str
    cast: str
    countries: str
    languages: str | None
    metacritic: int | None
    oscars: int
    box_office: float | None

    @cached_property
    def directors(self) -> list[str]:
        """The names of its directors."""
        return _names(self.director)

    @cached_property
    def actors(self) -> list[str]:
        """The names of its cast, in alphabetical order."""
        return _names(self.cast)

    @property
    def brief(self) -> dict[str, Any]:
        """What lists of films say of it."""
        return {"imdb_id": self.imdb_id, "title": self.title, "year": self.year}


def _names(text: str) -> list[str]:
    """Names between commas; a lone Jr. belongs to the name before it."""
    out: list[str] = []
    for name in text.split(", ") if text else []:
        if name in ("Jr.", "Sr.", "II", "III") and out:
            out[-1] += f" {name}"
        else:
            out.append(name)
    return out


def _sole(names: Sequence[str]) -> str | None:
    return names[0] if len(names) == 1 else None


def _key(text: str) -> str:
    return text.lower() if text.isascii() else fold(text.replace("–", "-").replace("’", "'"))


@lru_cache(maxsize=1)
def _films() -> dict[str, Film]:
    fields = columns("movies")
    films = (Film(**dict(zip(fields, row, strict=True))) for row in table("movies"))
    return {film.imdb_id: film for film in films}


@lru_cache(maxsize=1)
def _by_title() -> dict[str, list[Film]]:
    out: dict[str, list[Film]] = {}
    for film in _films().values():
        out.setdefault(_key(film.title), []).append(film)
    return out


@lru_cache(maxsize=1)
def _by_year() -> dict[int, list[Film]]:
    out: dict[int, list[Film]] = {}
    for film in _films().values():
        out.setdefault(film.year, []).append(film)
    return out


def _by_person(role: str) -> dict[str, list[Film]]:
    out: dict[str, list[Film]] = {}
    for film in sorted(_films().values(), key=lambda film: (film.year, film.released, film.title)):
        for name in dict.fromkeys(film.directors if role == "director" else film.actors):
            out.setdefault(_key(name), []).append(film)
    return out


@lru_cache(maxsize=1)
def _by_director() -> dict[str, list[Film]]:
    return _by_person("director")


@lru_cache(maxsize=1)
def _by_actor() -> dict[str, list[Film]]:
    return _by_person("actor")


def _film(imdb_id: str) -> Film:
    film: Film = found(_films().get(imdb_id.lower()), f"film {imdb_id}")
    return film


def _of_director(name: str) -> list[Film]:
    films: list[Film] = found(_by_director().get(_key(name)), f"director {name}")
    return films


def _of_actor(name: str) -> list[Film]:
    films: list[Film] = found(_by_actor().get(_key(name)), f"actor {name}")
    return films


def _best(films: Sequence[Film], value: str) -> Film | None:
    """The film with the highest value; none if two share it."""
    known = [film for film in films if getattr(film, value)]
    ranked = sorted(known, key=lambda film: getattr(film, value), reverse=True)
    if not ranked or len(ranked) > 1 and getattr(ranked[1], value) == getattr(ranked[0], value):
        return None
    return ranked[0]


# ---------------------------------------------------------------- MovieFacts
facts = Tool("MovieFacts", "Movies", "Films of 1940 to 2014: who, when, how long, how good.")


@facts.api(
    "Find a film by its exact title; of several the one with the largest cast.",
    {"title": takes("movie_title", "Inception"), "year": maybe("movie_year", 2010)},
    {
        "imdb_id": gives("imdb_id", "the IMDb identifier of {title}", entity="the film {title}"),
        "year": gives(
            "year",
            "the year of release of {title}",
            ask="In which year was {title} released?",
        ),
        "director": gives("person", "the director of {title}", ask="Who directed {title}?"),
    },
)
def search_movie(title: str, year: int | None = None) -> Response:
    films = _by_title().get(_key(title), [])
    films = [film for film in films if year is None or film.year == year]
    best = max(found(films, f"film {title}"), key=lambda film: (len(film.cast), film.imdb_id))
    return {**best.brief, "director": _sole(best.directors), "count": len(films)}


@facts.api(
    "Director, running time, genres, Metacritic score and Oscars of a film.",
    {"imdb_id": takes("imdb_id", "tt0068646")},
    {
        "director": gives("person", "the director of {imdb_id}", ask="Who directed {imdb_id}?"),
        "runtime_minutes": gives(
            "minutes",
            "the running time in minutes of {imdb_id}",
            ask="How many minutes does {imdb_id} last?",
        ),
        "metacritic": gives("metascore", "the Metacritic score of {imdb_id}"),
    },
)
def movie(imdb_id: str) -> Response:
    film = _film(imdb_id)
    return {
        "title": film.title,
        "year": film.year,
        "director": _sole(film.directors),
        "directors": film.directors,
        "runtime_minutes": round(film.runtime),
        "genres": film.genres.split(", "),
        "metacritic": film.metacritic,
        "oscars": film.oscars,
    }


@facts.api(
    "The day on which a film was first shown; 404 where only the year is known.",
    {"imdb_id": takes("imdb_id", "tt0468569")},
    {
        "released": gives(
            "date",
            "the date on which {imdb_id} was first released",
            ask="On which date was {imdb_id} first released?",
        )
    },
)
def release_date(imdb_id: str) -> Response:
    film = _film(imdb_id)
    if film.released.endswith("-01-01"):
        raise HubError(f"day of release of {film.title} not found: only the year is known")
    return {"title": film.title, "released": film.released}


@facts.api(
    "The cast of a film, in alphabetical order.",
    {"imdb_id": takes("imdb_id", "tt0078748")},
    {
        "actors": gives("person[]", "the listed actors of {imdb_id}"),
        "count": gives("count", "the number of actors listed for {imdb_id}"),
    },
)
def cast(imdb_id: str) -> Response:
    film = _film(imdb_id)
    actors = found(film.actors, f"cast of {film.title}")
    return {"title": film.title, "count": len(actors), "actors": actors[:50]}


@facts.api(
    "The countries that produced a film, and its original languages; language is null where there "
    "are several.",
    {"imdb_id": takes("world_film", "tt0047478")},
    {
        "countries": gives("country_name[]", "the countries that produced {imdb_id}"),
        "language": gives(
            "language_name",
            "the original language of {imdb_id}",
            ask="In which language was {imdb_id} shot?",
        ),
    },
)
def origin(imdb_id: str) -> Response:
    film = _film(imdb_id)
    languages = film.languages.split(", ") if film.languages else []
    return {
        "title": film.title,
        "countries": found(_countries(film), f"countries of {film.title}"),
        "language": _sole(languages),
        "languages": languages,
    }


@facts.api(
    "The country that produced a film; 404 where several did.",
    {"imdb_id": takes("world_film", "tt0047478")},
    {
        "country": gives(
            "country_name",
            "the country that produced {imdb_id}",
            ask="In which country was {imdb_id} produced?",
        )
    },
)
def home_country(imdb_id: str) -> Response:
    film = _film(imdb_id)
    return {"country": found(_sole(_countries(film)), f"one country of {film.title}")}


def _countries(film: Film) -> list[str]:
    return film.countries.split(", ") if film.countries else []


# ---------------------------------------------------------------- Filmographies
people = Tool("Filmographies", "Movies", "The films of directors and actors, 1940 to 2014.")


def _filmography(films: list[Film]) -> dict[str, Any]:
    longest, first = _best(films, "runtime"), films[0]
    alone = len(films) == 1 or films[1].year > first.year
    return {
        "count": len(films),
        "films": [film.imdb_id for film in films[:50]],
        "titles": [f"{film.title} ({film.year})" for film in films[:50]],
        "first_year": first.year,
        "first": first.title if alone else None,
        "longest": longest.title if longest else None,
        "longest_id": longest.imdb_id if longest else None,
    }


@people.api(
    "The films of a director, the earliest first.",
    {"director": takes("director", "Akira Kurosawa")},
    {
        "count": gives(
            "count",
            "the number of listed films (1940-2014) directed by {director}",
            ask="How many films of 1940 to 2014 are listed with the director {director}?",
        ),
        "first_year": gives(
            "year", "the year of the earliest listed film (1940-2014) directed by {director}"
        ),
        "longest": gives(
            "movie_title", "the longest listed film (1940-2014) directed by {director}"
        ),
        "longest_id": gives(
            "imdb_id",
            "the IMDb identifier of the longest listed film (1940-2014) directed by {director}",
            entity="the longest listed film (1940-2014) directed by {director}",
        ),
        "films": gives("imdb_id[]", "the listed films (1940-2014) directed by {director}"),
    },
)
def films_by_director(director: str) -> Response:
    return _filmography(_of_director(director))


@people.api(
    "The films with an actor, the earliest first.",
    {"actor": takes("actor", "Marlon Brando")},
    {
        "count": gives(
            "count",
            "the number of listed films (1940-2014) with {actor}",
            ask="How many films of 1940 to 2014 are listed with {actor} in the cast?",
        ),
        "first_year": gives(
            "year", "the year of the earliest listed film (1940-2014) with {actor}"
        ),
        "longest_id": gives(
            "imdb_id",
            "the IMDb identifier of the longest listed film (1940-2014) with {actor}",
            entity="the longest listed film (1940-2014) with {actor}",
        ),
    },
)
def films_with_actor(actor: str) -> Response:
    return _filmography(_of_actor(actor))


@people.api(
    "The films in which two actors both appear.",
    {"actor1": takes("busy_actor", "Al Pacino"), "actor2": takes("busy_actor", "Robert De Niro")},
    {
        "count": gives(
            "count",
            "the number of listed films (1940-2014) with both {actor1} and {actor2}",
        ),
        "films": gives("imdb_id[]", "the listed films (1940-2014) with both {actor1} and {actor2}"),
    },
)
def films_together(actor1: str, actor2: str) -> Response:
    if _key(actor1) == _key(actor2):
        raise HubError("actor1 and actor2 must differ", 400)
    others = {film.imdb_id for film in _of_actor(actor2)}
    films = [film for film in _of_actor(actor1) if film.imdb_id in others]
    names = [f"{film.title} ({film.year})" for film in found(films, "films with both")]
    return {"count": len(films), "films": [film.imdb_id for film in films], "titles": names}


def _commonest(names: list[str], what: str) -> tuple[str, int]:
    """The name that stands there most often.

    Raises:
        HubError: two names do.
    """
    ranked = Counter(names).most_common(2)
    if not ranked or len(ranked) > 1 and ranked[0][1] == ranked[1][1]:
        raise HubError(f"{what} not found: no one comes first")
    return ranked[0]


@people.api(
    "The actor, other than the director, who appears in most films of a director; 404 if two do.",
    {"director": takes("director", "Martin Scorsese")},
    {
        "actor": gives(
            "person",
            "the actor (other than the director) who appears in most of the listed films "
            "(1940-2014) directed by {director}",
        ),
        "films": gives(
            "count",
            "the highest number of listed films (1940-2014) that any one actor made with the "
            "director {director}",
        ),
    },
)
def favourite_actor(director: str) -> Response:
    self = _key(director)
    names = [name for film in _of_director(director) for name in dict.fromkeys(film.actors)]
    best, count = _commonest([name for name in names if _key(name) != self], "favourite actor")
    return {"actor": best, "films": count}


@people.api(
    "The director with whom an actor made most films; 404 if two come first.",
    {"actor": takes("actor", "John Wayne")},
    {
        "director": gives(
            "person",
            "the director of most of the listed films (1940-2014) with {actor}",
            ask="Which director made the most listed films (1940-2014) with {actor}?",
        ),
    },
)
def favourite_director(actor: str) -> Response:
    self = _key(actor)
    names = [name for film in _of_actor(actor) for name in film.directors]
    best, count = _commonest([name for name in names if _key(name) != self], "favourite director")
    return {"director": best, "films": count}


# ---------------------------------------------------------------- BoxOffice
money = Tool("BoxOffice", "Movies", "What films earned, and the best of each year.")


@money.api(
    "What a film earned, as recorded, and its rank among the films of its year.",
    {"imdb_id": takes("imdb_id", "tt0107290")},
    {
        "box_office_usd": gives(
            "dollars",
            "the recorded box office in US dollars of {imdb_id}",
            ask="How many US dollars did {imdb_id} earn at the box office, as recorded?",
        ),
        "rank_in_year": gives(
            "count",
            "the rank by recorded box office among the films of its year of {imdb_id}",
        ),
    },
)
def box_office(imdb_id: str) -> Response:
    film = _film(imdb_id)
    earned = found(film.box_office, f"box office of {film.title}")
    better = [each for each in _by_year()[film.year] if (each.box_office or 0) > earned]
    return {"title": film.title, "box_office_usd": earned, "rank_in_year": len(better) + 1}


@money.api(
    "The film of a year that earned most, as recorded.",
    {"year": takes("busy_year", 1997)},
    {
        "title": gives(
            "movie_title", "the film released in {year} with the highest recorded box office"
        ),
        "imdb_id": gives(
            "imdb_id",
            "the IMDb identifier of the film released in {year} with the highest recorded box "
            "office",
            entity="the film released in {year} with the highest recorded box office",
        ),
        "box_office_usd": gives(
            "dollars",
            "the highest recorded box office in US dollars of any film released in {year}",
        ),
    },
)  # fmt: skip
def top_film(year: int) -> Response:
    ranked = sorted(
        (film for film in _by_year()[year] if film.box_office),
        key=lambda film: (-(film.box_office or 0), film.imdb_id),
    )
    best = found(ranked, f"box office of {year}")[0]
    top = [{**film.brief, "box_office_usd": film.box_office} for film in ranked[:10]]
    return {**best.brief, "box_office_usd": best.box_office, "top": top}


@money.api(
    "The film of a year with the highest Metacritic score; 404 if two share it.",
    {"year": takes("movie_year", 1975)},
    {
        "title": gives(
            "movie_title", "the film released in {year} with the highest Metacritic score"
        ),
        "imdb_id": gives(
            "imdb_id",
            "the IMDb identifier of the film released in {year} with the highest Metacritic score",
            entity="the film released in {year} with the highest Metacritic score",
        ),
        "metacritic": gives(
            "metascore", "the highest Metacritic score that any film released in {year} has"
        ),
    },
)
def best_reviewed(year: int) -> Response:
    best = found(_best(_by_year()[year], "metacritic"), f"one best film of {year}")
    return {**best.brief, "metacritic": best.metacritic}


@money.api(
    "The film of a year that won most Oscars; 404 if two did.",
    {"year": takes("movie_year", 1993)},
    {
        "title": gives(
            "movie_title", "the film released in {year} that won the most Academy Awards"
        ),
        "imdb_id": gives(
            "imdb_id",
            "the IMDb identifier of the film released in {year} that won the most Academy Awards",
            entity="the film released in {year} that won the most Academy Awards",
        ),
        "oscars": gives(
            "count", "the highest number of Academy Awards that a film released in {year} won"
        ),
    },
)
def most_oscars(year: int) -> Response:
    best = found(_best(_by_year()[year], "oscars"), f"one film of {year} with most Oscars")
    return {**best.brief, "oscars": best.oscars}


@money.api(
    "The film of a director that earned most, and what all his or her listed films earned.",
    {"director": takes("director", "Steven Spielberg")},
    {
        "top_title": gives(
            "movie_title",
            "the listed film (1940-2014) with the highest recorded box office directed by "
            "{director}",
        ),
        "top_id": gives(
            "imdb_id",
            "the IMDb identifier of the listed film (1940-2014) with the highest recorded box "
            "office directed by {director}",
            entity="the listed film (1940-2014) with the highest recorded box office directed by "
            "{director}",
        ),
        "total_usd": gives(
            "dollars",
            "the sum in US dollars of the recorded box offices of all listed films (1940-2014) "
            "directed by {director}",
        ),
    },
)
def director_earnings(director: str) -> Response:
    films = [film for film in _of_director(director) if film.box_office]
    best = max(found(films, f"box office of {director}"), key=lambda film: film.box_office or 0)
    return {
        "top_title": best.title,
        "top_id": best.imdb_id,
        "top_usd": best.box_office,
        "total_usd": sum(film.box_office or 0 for film in films),
        "films": len(films),
    }


# ---------------------------------------------------------------- entities
@lru_cache(maxsize=1)
def _known() -> list[Film]:
    """Films that many people have seen, of one director, with a title that no other has."""
    films = []
    for same in _by_title().values():
        film = same[0]
        seen = (film.box_office or 0) > 6e7 or film.oscars and film.box_office
        if len(same) == 1 and seen and film.metacritic and len(film.directors) == 1 and film.cast:
            films.append(film)
    return sorted(films, key=lambda film: film.title)


def _world_films() -> list[str]:
    """Praised films of one country other than the United States, with a title of their own."""
    out = []
    for same in _by_title().values():
        film = same[0]
        praised = len(same) == 1 and (film.metacritic or 0) >= 75
        if praised and _sole(_countries(film)) not in (None, "United States"):
            out.append(film)
    return [film.imdb_id for film in sorted(out, key=lambda film: film.title)]


def _directors() -> list[str]:
    """Directors of eight films and more, one of which many have seen."""
    names = {name for film in _known() for name in film.directors}
    return sorted(name for name in names if len(_of_director(name)) >= 8)


def _actors() -> list[str]:
    """Actors of 35 films and more."""
    names = {name for film in _known() for name in film.actors}
    return sorted(name for name in names if len(_of_actor(name)) >= 35 and " " in name)


def _busy_years() -> list[int]:
    """Years of which the earnings of twenty films and more are known."""
    count = Counter(film.year for film in _films().values() if film.box_office)
    return sorted(year for year, films in count.items() if films >= 20)


def _title_of(imdb_id: str) -> str:
    film = _films().get(imdb_id)
    return film.title if film else imdb_id


entities(
    "movie_title",
    lambda: [film.title for film in _known()],
    says=lambda v: (f"“{v}”",),
)
entities(
    "imdb_id",
    lambda: [film.imdb_id for film in _known()],
    says=lambda v: (f"the film “{_title_of(v)}”",),
    aliases=lambda v: (v, _title_of(v)),
)
entities(
    "world_film",
    _world_films,
    says=lambda v: (f"the film “{_title_of(v)}”",),
    aliases=lambda v: (v, _title_of(v)),
)
entities("director", _directors)
entities("actor", _actors)
entities("busy_actor", lambda: [name for name in _actors() if len(_of_actor(name)) >= 55])
entities("person", lambda: sorted({*_directors(), *_actors()}))
entities("movie_year", lambda: range(1950, 2015))
entities("busy_year", _busy_years)
