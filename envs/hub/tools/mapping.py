"""Mapping: geometry on the Earth's ellipsoid, and codes that stand for a place on the map."""

from __future__ import annotations

from math import atan, cos, degrees, floor, log, pi, radians, sinh, tan
from typing import Any, Final

from ..entities import entities
from ..registry import HubError, Tool, gives, maybe, takes
from ..types import measure, sem
from .cities import POINTS, distance_km, geodesic_km
from .location import Response

sem("corners", about="corners as latitude,longitude pairs parted by semicolons, as 0,0;0,9;9,0",
    high=1000)  # fmt: skip
sem("quadkey", about="quadkey of a map tile, of the digits 0 to 3, as 120220011203", high=22)
sem("locator", about="Maidenhead locator of six characters, as JN18du", high=6)
sem("compass_point", about="one of 16 compass points, as NNE", high=3, compare="name", links=False)
sem("utm_zone", about="UTM zone with latitude band, as 31U", high=3, links=False)
measure("perimeter_km", "kilometres", 0, 2e6)
measure("map_metres", "metres", 0, 1e8)
measure("geohash_length", "how many characters", 1, 12, kind="integer", tolerance=0)
measure("zoom_level", "zoom level of a web map", 1, 22, kind="integer", tolerance=0)
measure("tile_number", "number of a tile, from 0", 0, 5e6, kind="integer", tolerance=0)

# ---------------------------------------------------------------- GeoMath
geo = Tool(
    "GeoMath",
    "Mapping",
    "Distances, directions and areas on the WGS 84 ellipsoid.",
    ("geographiclib",),
)

TWO_POINTS: Final = {
    "lat1": takes("latitude", 40.64),
    "lon1": takes("longitude", -73.78),
    "lat2": takes("latitude", 51.47),
    "lon2": takes("longitude", -0.4543),
}
BETWEEN: Final = "the point ({lat1}, {lon1}) and the point ({lat2}, {lon2})"
FROM_TO: Final = "from the point ({lat1}, {lon1}) to the point ({lat2}, {lon2})"
WINDS: Final = ("N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE",
                "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW")  # fmt: skip


def _ellipsoid() -> Any:
    from geographiclib.geodesic import Geodesic

    return Geodesic.WGS84


@geo.api(
    "Length and direction of the shortest way between two points, each in degrees north and east.",
    TWO_POINTS,
    {
        "distance_km": gives(
            "distance_km",
            f"the geodesic distance in km between {BETWEEN}",
            f"the distance in km as the crow flies between {BETWEEN}",
        ),
        "initial_bearing": gives(
            "bearing",
            f"the initial bearing in degrees clockwise from north of the shortest way {FROM_TO}",
        ),
        "direction": gives(
            "compass_point",
            f"the compass point, one of 16, in which the shortest way {FROM_TO} sets out",
        ),
    },
)
def distance(lat1: float, lon1: float, lat2: float, lon2: float) -> Response:
    line = _ellipsoid().Inverse(lat1, lon1, lat2, lon2)
    bearing = float(line["azi1"]) % 360
    return {
        "distance_km": round(line["s12"] / 1000, 3),
        "distance_miles": round(line["s12"] / 1609.344, 3),
        "initial_bearing": round(bearing, 3),
        "final_bearing": round(line["azi2"] % 360, 3),
        "direction": WINDS[floor(bearing / 22.5 + 0.5) % 16],
    }


@geo.api(
    "The point reached from a start on an initial bearing after a distance.",
    {
        "lat": takes("latitude", 0.0),
        "lon": takes("longitude", 0.0),
        "bearing": takes("bearing", 90),
        "distance_km": takes("distance_km", 1000),
    },
    {
        "latitude": gives(
            "latitude",
            "the latitude of the point reached after {distance_km} km along the geodesic that "
            "leaves the point ({lat}, {lon}) on a bearing of {bearing}°",
        ),
        "longitude": gives(
            "longitude",
            "the longitude of the point reached after {distance_km} km along the geodesic that "
            "leaves the point ({lat}, {lon}) on a bearing of {bearing}°",
        ),
    },
)
def destination(lat: float, lon: float, bearing: float, distance_km: float) -> Response:
    end = _ellipsoid().Direct(lat, lon, bearing, distance_km * 1000)
    return {"latitude": round(end["lat2"], 6), "longitude": round(end["lon2"], 6)}


@geo.api(
    "The point half way on the shortest way between two points.",
    TWO_POINTS,
    {
        "latitude": gives("latitude", f"the latitude of the geodesic midpoint between {BETWEEN}"),
        "longitude": gives(
            "longitude", f"the longitude of the geodesic midpoint between {BETWEEN}"
        ),
    },
)
def midpoint(lat1: float, lon1: float, lat2: float, lon2: float) -> Response:
    line = _ellipsoid().InverseLine(lat1, lon1, lat2, lon2)
    half = line.Position(line.s13 / 2)
    return {"latitude": round(half["lat2"], 6), "longitude": round(half["lon2"], 6)}


@geo.api(
    "The antipode: the point on the opposite side of the Earth.",
    {"latitude": takes("latitude", 48.8584), "longitude": takes("longitude", 2.2945)},
    {
        "latitude": gives(
            "latitude",
            "the latitude of the antipode of the point ({latitude}, {longitude})",
        ),
        "longitude": gives(
            "longitude",
            "the longitude of the antipode of the point ({latitude}, {longitude})",
        ),
    },
)
def antipode(latitude: float, longitude: float) -> Response:
    opposite = longitude - 180 if longitude > 0 else longitude + 180
    return {"latitude": round(-latitude, 6), "longitude": round(opposite, 6)}


@geo.api(
    "Area and perimeter of a polygon, whose corners are given in turn.",
    {"corners": takes("corners", "0,0;0,10;10,10;10,0")},
    {
        "area_km2": gives("area_km2", "the area in km² of {corners}"),
        "perimeter_km": gives("perimeter_km", "the perimeter in km of {corners}"),
    },
)
def polygon(corners: str) -> Response:
    shape = _ellipsoid().Polygon()
    pairs = [corner.split(",") for corner in corners.split(";")]
    if not 3 <= len(pairs) <= 50 or any(len(pair) != 2 for pair in pairs):
        raise HubError("give 3 to 50 corners as latitude,longitude;latitude,longitude;..", 400)
    for latitude, longitude in ((float(a), float(b)) for a, b in pairs):
        if not (abs(latitude) <= 90 and abs(longitude) <= 180):
            raise HubError("latitudes go from -90 to 90, longitudes from -180 to 180", 400)
        shape.AddPoint(latitude, longitude)
    _, perimeter, area = shape.Compute()
    return {"area_km2": round(abs(area) / 1e6, 3), "perimeter_km": round(perimeter / 1000, 3)}


# ---------------------------------------------------------------- GridCodes
grid = Tool("GridCodes", "Mapping", "Geohashes, Plus Codes, UTM coordinates, Maidenhead locators.")

POINT: Final = {"latitude": takes("latitude", 48.8584), "longitude": takes("longitude", 2.2945)}


@grid.api(
    "Geohash of a point; of 8 characters unless told.",
    {**POINT, "length": maybe("geohash_length", 6, 8)},
    {
        "geohash": gives(
            "geohash",
            "the geohash (8 characters) of the point ({latitude}, {longitude})",
            "the eight-character geohash of the point ({latitude}, {longitude})",
        )
    },
    libs=("pygeohash",),
)
def geohash_encode(latitude: float, longitude: float, length: int = 8) -> Response:
    from pygeohash import encode

    return {"geohash": str(encode(latitude, longitude, length))}


def _geohash_point(geohash: str) -> tuple[float, float, float, float]:
    """Centre of a geohash's cell and half its height and width, in degrees."""
    from pygeohash import decode_exactly

    if not set(geohash.lower()) <= set("0123456789bcdefghjkmnpqrstuvwxyz"):
        raise HubError(f"{geohash} is no geohash: it has letters that geohashes have not", 400)
    latitude, longitude, high, wide = decode_exactly(geohash.lower())
    return float(latitude), float(longitude), float(high), float(wide)


@grid.api(
    "Centre and size of a geohash's cell.",
    {"geohash": takes("geohash", "u09tunqu")},
    {
        "latitude": gives("latitude", "the latitude of the centre of {geohash}"),
        "longitude": gives("longitude", "the longitude of the centre of {geohash}"),
    },
    libs=("pygeohash",),
)
def geohash_decode(geohash: str) -> Response:
    latitude, longitude, high, wide = _geohash_point(geohash)
    return {
        "latitude": round(latitude, 6),
        "longitude": round(longitude, 6),
        "height_degrees": 2 * high,
        "width_degrees": 2 * wide,
    }


@grid.api(
    "Distance between the centres of two geohashes' cells.",
    {"geohash_1": takes("geohash", "u09tunqu"), "geohash_2": takes("geohash", "dr5r7p4r")},
    {
        "distance_km": gives(
            "distance_km",
            "the geodesic distance in km between the centres of {geohash_1} and {geohash_2}",
        )
    },
    libs=("geographiclib", "pygeohash"),
)
def geohash_distance(geohash_1: str, geohash_2: str) -> Response:
    ends = (*_geohash_point(geohash_1)[:2], *_geohash_point(geohash_2)[:2])
    return {"distance_km": round(geodesic_km(*ends), 3)}


@grid.api(
    "Plus Code (Open Location Code) of a point, with ten digits.",
    POINT,
    {
        "plus_code": gives(
            "plus_code",
            "the Plus Code of the point ({latitude}, {longitude})",
            "the full Plus Code (ten digits) of the point ({latitude}, {longitude})",
        )
    },
    libs=("openlocationcode",),
)
def pluscode_encode(latitude: float, longitude: float) -> Response:
    from openlocationcode.openlocationcode import encode

    return {"plus_code": str(encode(latitude, longitude))}


@grid.api(
    "Centre of the area of a full Plus Code.",
    {"plus_code": takes("plus_code", "8FW4V75V+9R")},
    {
        "latitude": gives("latitude", "the latitude of the centre of {plus_code}"),
        "longitude": gives("longitude", "the longitude of the centre of {plus_code}"),
    },
    libs=("openlocationcode",),
)
def pluscode_decode(plus_code: str) -> Response:
    from openlocationcode.openlocationcode import decode, isFull

    if not isFull(plus_code):
        raise HubError(f"{plus_code} is no full Plus Code", 400)
    area = decode(plus_code)
    return {
        "latitude": round(float(area.latitudeCenter), 6),
        "longitude": round(float(area.longitudeCenter), 6),
    }


@grid.api(
    "UTM zone, easting and northing in metres of a point between 80° S and 84° N.",
    POINT,
    {
        "zone": gives(
            "utm_zone",
            "the UTM zone with latitude band, as 31U, of the point ({latitude}, {longitude})",
        ),
        "easting": gives(
            "map_metres", "the UTM easting in metres of the point ({latitude}, {longitude})"
        ),
        "northing": gives(
            "map_metres", "the UTM northing in metres of the point ({latitude}, {longitude})"
        ),
    },
    libs=("utm",),
)
def to_utm(latitude: float, longitude: float) -> Response:
    from utm import from_latlon

    if not -80 <= latitude < 84 or longitude >= 180:
        raise HubError("UTM goes from 80° S to 84° N, and from 180° W to below 180° E", 400)
    easting, northing, number, band = from_latlon(latitude, longitude)
    return {
        "zone": f"{number}{band}",
        "easting": round(float(easting), 2),
        "northing": round(float(northing), 2),
    }


@grid.api(
    "Maidenhead locator of a point, as radio amateurs give it, with six characters.",
    POINT,
    {
        "locator": gives(
            "locator",
            "the Maidenhead locator (6 characters) of the point ({latitude}, {longitude})",
        )
    },
)
def locator_encode(latitude: float, longitude: float) -> Response:
    east = min(longitude + 180, 359.999999)
    north = min(latitude + 90, 179.999999)
    field = chr(65 + int(east // 20)) + chr(65 + int(north // 10))
    square = f"{int(east % 20 // 2)}{int(north % 10)}"
    small = chr(97 + int(east % 2 * 12)) + chr(97 + int(north % 1 * 24))
    return {"locator": field + square + small}


@grid.api(
    "Centre of a Maidenhead locator of six characters.",
    {"locator": takes("locator", "JN18du")},
    {
        "latitude": gives("latitude", "the latitude of the centre of {locator}"),
        "longitude": gives("longitude", "the longitude of the centre of {locator}"),
    },
)
def locator_decode(locator: str) -> Response:
    text = locator.upper()
    ranges = ("ABCDEFGHIJKLMNOPQR", "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWX")
    if len(text) != 6 or any(c not in ranges[i // 2] for i, c in enumerate(text)):
        raise HubError(f"{locator} is no locator of six characters, as JN18du", 400)
    at = [ranges[i // 2].index(c) for i, c in enumerate(text)]
    return {
        "latitude": round(at[1] * 10 + at[3] + (at[5] + 0.5) / 24 - 90, 6),
        "longitude": round(at[0] * 20 + at[2] * 2 + (at[4] + 0.5) / 12 - 180, 6),
    }


# ---------------------------------------------------------------- MapTiles
tiles = Tool("MapTiles", "Mapping", "Tiles of web maps in Mercator's projection, and quadkeys.")


@tiles.api(
    "The tile of a web map that holds a point at a zoom level: numbers and quadkey.",
    {**POINT, "zoom": takes("zoom_level", 12)},
    {
        "quadkey": gives(
            "quadkey",
            "the quadkey of the map tile at zoom level {zoom} that holds the point "
            "({latitude}, {longitude})",
            entity="the map tile at zoom level {zoom} that holds the point ({latitude}, "
            "{longitude})",
        ),
        "x": gives(
            "tile_number",
            "the x number of the web map tile at zoom level {zoom} that holds the point "
            "({latitude}, {longitude})",
        ),
        "y": gives(
            "tile_number",
            "the y number, counted from the north, of the web map tile at zoom level {zoom} that "
            "holds the point ({latitude}, {longitude})",
        ),
    },
)
def tile_of_point(latitude: float, longitude: float, zoom: int) -> Response:
    size = 2**zoom
    angle = radians(max(-85.0511, min(85.0511, latitude)))
    x = min(size - 1, int((longitude + 180) / 360 * size))
    y = min(size - 1, int((1 - log(tan(angle) + 1 / cos(angle)) / pi) / 2 * size))
    key = "".join(str((x >> i & 1) + 2 * (y >> i & 1)) for i in reversed(range(zoom)))
    return {"x": x, "y": y, "zoom": zoom, "quadkey": key}


def _tile(quadkey: str) -> tuple[int, int, int]:
    if not set(quadkey) <= set("0123"):
        raise HubError(f"{quadkey} is no quadkey: it may have the digits 0 to 3 only", 400)
    bits = [int(digit) for digit in quadkey]
    x = sum((bit & 1) << i for i, bit in enumerate(reversed(bits)))
    y = sum((bit >> 1) << i for i, bit in enumerate(reversed(bits)))
    return x, y, len(bits)


@tiles.api(
    "Zoom level, numbers and centre of the tile of a quadkey.",
    {"quadkey": takes("quadkey", "120220011203")},
    {
        "latitude": gives("latitude", "the latitude of the centre of {quadkey}"),
        "longitude": gives("longitude", "the longitude of the centre of {quadkey}"),
        "x": gives("tile_number", "the x number of {quadkey}"),
        "y": gives("tile_number", "the y number, counted from the north, of {quadkey}"),
    },
)
def tile_of_quadkey(quadkey: str) -> Response:
    x, y, zoom = _tile(quadkey)
    size = 2**zoom
    return {
        "x": x,
        "y": y,
        "zoom": zoom,
        "latitude": round(degrees(atan(sinh(pi * (1 - 2 * (y + 0.5) / size)))), 6),
        "longitude": round((x + 0.5) / size * 360 - 180, 6),
    }


@tiles.api(
    "Metres of ground that one pixel shows at a latitude and zoom level, with tiles of 256 pixels.",
    {"latitude": takes("latitude", 48.8584), "zoom": takes("zoom_level", 12)},
    {
        "metres_per_pixel": gives(
            "map_metres",
            "the ground resolution in metres per pixel of a web map with tiles of 256 pixels at "
            "zoom level {zoom} on the parallel at {latitude}",
        )
    },
)
def ground_resolution(latitude: float, zoom: int) -> Response:
    around = 2 * pi * 6378137 * cos(radians(latitude))
    return {"metres_per_pixel": round(around / (256 * 2**zoom), 4)}


# ---------------------------------------------------------------- entities
def _geohashes() -> list[str]:
    return [geohash_encode(*point)["geohash"] for point in POINTS]


def _plus_codes() -> list[str]:
    return [pluscode_encode(*point)["plus_code"] for point in POINTS]


def _locators() -> list[str]:
    return [locator_encode(*point)["locator"] for point in POINTS]


def _quadkeys() -> list[str]:
    return [tile_of_point(*point, zoom=12)["quadkey"] for point in POINTS]


def _polygons() -> list[str]:
    """Triangles of a landmark and the two that are nearest to it."""
    out = []
    for point in POINTS:
        near = sorted(POINTS, key=lambda other: distance_km(*point, *other))[:3]
        out.append(";".join(f"{latitude:.2f},{longitude:.2f}" for latitude, longitude in near))
    return out


DISTANCES: Final = (
    50, 100, 150, 200, 250, 300, 400, 500, 600, 750, 800, 1000, 1200, 1500, 2000, 2500, 3000, 4000,
    5000, 7500,
)  # fmt: skip

entities(
    "corners",
    _polygons,
    says=lambda text: (f"the polygon with the corners {text.replace(';', '; ')}",),
)
entities("geohash", _geohashes, says=lambda code: (f"the geohash {code}",))
entities("plus_code", _plus_codes, says=lambda code: (f"the Plus Code {code}",))
entities("locator", _locators, says=lambda code: (f"the Maidenhead locator {code}",))
entities("quadkey", _quadkeys, says=lambda code: (f"the map tile with the quadkey {code}",))
entities("zoom_level", lambda: tuple(range(6, 19)))
entities("bearing", lambda: tuple(range(0, 360, 15)))
entities("distance_km", lambda: DISTANCES)
