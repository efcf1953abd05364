"""Business: identifiers of companies and securities, bar codes, industries; see also books."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from ..entities import entities
from ..pack import table
from ..registry import HubError, Tool, found, gives, takes
from ..types import sem
from .location import Response

# In the order in which a number is tried: what a number of the first is may also fit a later one.
SCHEMES: Final = (
    "ISIN", "LEI", "FIGI", "CUSIP", "SEDOL", "EU VAT", "ISBN", "ISSN", "ISMN", "EAN", "ISNI",
    "IMEI", "EIC", "Argentine CUIT", "Australian ABN", "Australian ACN", "Brazilian CNPJ",
    "Canadian BN", "Chilean RUT", "Chinese USCC", "Colombian NIT", "Danish CVR", "Finnish Y-tunnus",
    "French SIREN", "French SIRET", "Indian GSTIN", "Indonesian NPWP", "Israeli company number",
    "Italian Partita IVA", "Japanese corporate number", "Korean BRN", "Mexican RFC",
    "New Zealand IRD", "Norwegian Orgnr", "Polish NIP", "Polish REGON", "Portuguese NIF",
    "Singapore UEN", "South African TIN", "Spanish CIF", "Swedish Orgnr", "Swiss UID",
    "Taiwanese UBN", "Turkish VKN", "UK UTR", "Ukrainian EDRPOU", "US EIN", "Vietnamese MST",
)  # fmt: skip
METHODS: Final = {
    "luhn": "the Luhn algorithm",
    "verhoeff": "the Verhoeff algorithm",
    "damm": "the Damm algorithm",
    "iso7064_mod_11_10": "ISO 7064 Mod 11,10",
    "gtin": "the GTIN (EAN) rule",
}
# Prefixes of bar codes by the country of the GS1 organization that has them, from the GS1 list.
# A few organizations serve several countries: the one where they are.
GS1: Final = {
    "AE": "629", "AL": "530", "AM": "485", "AO": "606", "AR": "778-779", "AT": "900-919",
    "AU": "930-939", "AZ": "476", "BA": "387", "BD": "894", "BE": "540-549", "BG": "380",
    "BH": "608", "BO": "777", "BR": "789-790", "BY": "481", "CA": "754-755", "CH": "760-769",
    "CI": "618", "CL": "780", "CM": "617", "CN": "680-681 690-699", "CO": "770-771", "CR": "744",
    "CU": "850", "CY": "529", "CZ": "859", "DE": "400-440", "DK": "570-579", "DO": "746",
    "DZ": "613", "EC": "786", "EE": "474", "EG": "622", "ES": "840-849", "FI": "640-649",
    "FR": "300-379", "GB": "500-509", "GE": "486", "GH": "603", "GR": "520-521", "GT": "740",
    "HK": "489", "HN": "742", "HR": "385", "HU": "599", "ID": "899", "IE": "539", "IL": "729",
    "IN": "890", "IR": "626", "IS": "569", "IT": "800-839", "JO": "625", "JP": "450-459 490-499",
    "KE": "616", "KG": "470", "KH": "884", "KP": "867", "KR": "880-881", "KW": "627", "KZ": "487",
    "LB": "528", "LK": "479", "LT": "477", "LV": "475", "LY": "624", "MA": "611", "MD": "484",
    "ME": "389", "MK": "531", "MM": "883", "MN": "865", "MO": "958", "MT": "535", "MU": "609",
    "MX": "750", "MY": "955", "NA": "631", "NG": "615", "NI": "743", "NL": "870-879",
    "NO": "700-709", "NZ": "940-949", "OM": "607", "PA": "745", "PE": "775", "PH": "480",
    "PK": "896", "PL": "590", "PT": "560", "PY": "784", "QA": "630", "RO": "594", "RS": "860",
    "RU": "460-469", "RW": "632", "SA": "628", "SE": "730-739", "SG": "888", "SI": "383",
    "SK": "858", "SN": "604", "SV": "741", "SY": "621", "TH": "885", "TJ": "488", "TM": "483",
    "TN": "619", "TR": "868-869", "TW": "471", "TZ": "620", "UA": "482", "UG": "605",
    "US": "001-019 030-039 060-139", "UY": "773", "UZ": "478", "VE": "759", "VN": "893",
    "XK": "390", "ZA": "600-601",
}  # fmt: skip

sem("identifier", about="number of a company, a security, a product ..", high=40)
sem("company_number", about="number of a company in a national register, as 404833048", high=40,
    wider="identifier")  # fmt: skip
sem("scheme", about="scheme of identifiers", choices=SCHEMES, compare="name")
sem("check_method", about="rule for a check digit", choices=tuple(METHODS))
sem("digit_row", about="row of 1 to 30 digits, as 7992739871", high=30)
sem("isin", about="International Securities Identification Number, as US0378331005", high=12,
    wider="identifier")  # fmt: skip
sem("cusip", about="CUSIP number of a North American security, as 037833100", high=9,
    wider="identifier")  # fmt: skip
sem("sedol", about="SEDOL number of a British security, as 0540528", high=7, wider="identifier")
sem("vat_number", about="EU VAT number with its country prefix, as DE136695976", high=20,
    wider="identifier")  # fmt: skip
sem("barcode", about="number of a bar code (EAN-13), as 4006381333931", high=13,
    wider="identifier")  # fmt: skip
sem("gs1_prefix", about="first three digits of a bar code, as 400", high=3)
sem("nace", about="code of a class in NACE Rev. 2.1, as 62.10", high=6)
sem("nace_2008", about="code of a class in NACE Rev. 2 (of 2008), as 62.01", high=6)
sem("nace_division", about="two-digit code of a division in NACE Rev. 2.1, as 62", high=2)
sem("isic", about="code of a class in ISIC Rev. 4, as 6201", high=4)
sem("industry", about="name of an economic activity, as Manufacture of beer", high=200,
    compare="name")  # fmt: skip

# ---------------------------------------------------------------- IdentifierCheck
checks = Tool(
    "IdentifierCheck",
    "Business",
    "Check digits and formats of company, tax and product numbers.",
    ("stdnum",),
)


@lru_cache(maxsize=1)
def _modules() -> dict[str, Any]:
    """The module of every scheme."""
    from stdnum import cusip, ean, figi, imei, isbn, isin, ismn, isni, issn, lei
    from stdnum.ar import cuit
    from stdnum.au import abn, acn
    from stdnum.br import cnpj
    from stdnum.ca import bn
    from stdnum.ch import uid
    from stdnum.cl import rut
    from stdnum.cn import uscc
    from stdnum.co import nit
    from stdnum.dk import cvr
    from stdnum.es import cif
    from stdnum.eu import eic, vat
    from stdnum.fi import ytunnus
    from stdnum.fr import siren, siret
    from stdnum.gb import sedol, utr
    from stdnum.id import npwp
    from stdnum.il import hp
    from stdnum.in_ import gstin
    from stdnum.it import iva
    from stdnum.jp import cn
    from stdnum.kr import brn
    from stdnum.mx import rfc
    from stdnum.no import orgnr
    from stdnum.nz import ird
    from stdnum.pl import nip, regon
    from stdnum.pt import nif
    from stdnum.se import orgnr as swedish
    from stdnum.sg import uen
    from stdnum.tr import vkn
    from stdnum.tw import ubn
    from stdnum.ua import edrpou
    from stdnum.us import ein
    from stdnum.vn import mst
    from stdnum.za import tin

    modules = (
        isin, lei, figi, cusip, sedol, vat, isbn, issn, ismn, ean, isni, imei, eic, cuit, abn, acn,
        cnpj, bn, rut, uscc, nit, cvr, ytunnus, siren, siret, gstin, npwp, hp, iva, cn, brn, rfc,
        ird, orgnr, nip, regon, nif, uen, tin, cif, swedish, uid, ubn, vkn, utr, edrpou, ein, mst,
    )  # fmt: skip
    return dict(zip(SCHEMES, modules, strict=True))


@checks.api(
    "Whether a number is valid by a scheme: its length, characters and check digits.",
    {"scheme": takes("scheme", "ISIN"), "number": takes("company_number", "US0378331005")},
    {
        "valid": gives(
            "bool",
            "the truth (true or false) of the statement that {number} is a valid {scheme} number",
            ask="Is {number} a valid {scheme} number (true or false)?",
        )
    },
)
def validate_id(scheme: str, number: str) -> Response:
    known = _modules()[scheme]
    valid = bool(known.is_valid(number))
    return {"valid": valid, "compact": str(known.compact(number)) if valid else None}


@checks.api(
    "Which schemes a number is valid by: the most specific first.",
    {"number": takes("identifier", "US0378331005")},
    {
        "kind": gives(
            "scheme",
            "the scheme of identifiers (ISIN, LEI, ISBN, EU VAT ..) by which {number} is valid",
            ask="By which scheme of identifiers (ISIN, LEI, ISBN, EU VAT ..) is {number} valid?",
        )
    },
)
def kind_of_id(number: str) -> Response:
    kinds = [scheme for scheme, known in _modules().items() if known.is_valid(number)]
    return {"kind": found(kinds, "scheme by which this number is valid")[0], "kinds": kinds}


@checks.api(
    "The check digit that a rule gives for a row of digits.",
    {"method": takes("check_method", "luhn"), "digits": takes("digit_row", "7992739871")},
    {
        "check_digit": gives(
            "text",
            "the check digit that {method} gives for {digits}",
            ask="Which check digit does {method} give for {digits}?",
        ),
        "complete": gives(
            "digit_row",
            "the row of digits that {digits} make with the check digit by {method} at the end",
        ),
    },
)
def check_digit(method: str, digits: str) -> Response:
    from stdnum import damm, ean, luhn, verhoeff
    from stdnum.iso7064 import mod_11_10

    if not re.fullmatch("[0-9]{1,29}", digits):
        raise HubError(f"{digits} is not a row of 1 to 29 digits", 400)
    rules = {
        "luhn": luhn,
        "verhoeff": verhoeff,
        "damm": damm,
        "iso7064_mod_11_10": mod_11_10,
        "gtin": ean,
    }
    digit = str(rules[method].calc_check_digit(digits))
    return {"check_digit": digit, "complete": digits + digit}


@checks.api(
    "The country of an EU VAT number, which must be valid.",
    {"vat_number": takes("vat_number", "DE136695976")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country that {vat_number} is from",
            entity="the country that {vat_number} is from",
        )
    },
)
def vat_info(vat_number: str) -> Response:
    from stdnum.eu import vat

    if not vat.is_valid(vat_number):
        raise HubError(f"{vat_number} is not a valid EU VAT number", 400)
    number = str(vat.compact(vat_number))
    country = {"EL": "GR", "XI": "GB"}.get(number[:2], number[:2])
    return {"country_code": country, "compact": number}


# ---------------------------------------------------------------- SecurityNumbers
securities = Tool(
    "SecurityNumbers", "Business", "Numbers of shares and bonds: ISIN, CUSIP, SEDOL.", ("stdnum",)
)


@lru_cache(maxsize=1)
def _countries() -> frozenset[str]:
    return frozenset(row[0] for row in table("countries"))


@securities.api(
    "Country and national number of a security by its ISIN.",
    {"isin": takes("isin", "US0378331005")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code that stands at the start of {isin}",
            entity="the country whose code stands at the start of {isin}",
        ),
        "national_number": gives(
            "text", "the national security number of nine characters within {isin}"
        ),
        "check_digit": gives("text", "the check digit of {isin}"),
    },
)
def isin_info(isin: str) -> Response:
    from stdnum import isin as known

    if not known.is_valid(isin):
        raise HubError(f"{isin} is not a valid ISIN", 400)
    number = str(known.compact(isin))
    country = number[:2] if number[:2] in _countries() else None
    return {
        "country_code": found(country, f"country {number[:2]}"),
        "national_number": number[2:11],
        "check_digit": number[11],
    }


@securities.api(
    "The ISIN of a US security by its CUSIP number.",
    {"cusip": takes("cusip", "037833100")},
    {
        "isin": gives(
            "isin",
            "the ISIN of the US security with {cusip}",
            ask="What is the ISIN of the US security with {cusip}?",
        )
    },
)
def isin_of_cusip(cusip: str) -> Response:
    from stdnum import cusip as known

    if not known.is_valid(cusip):
        raise HubError(f"{cusip} is not a valid CUSIP number", 400)
    return {"isin": known.to_isin(cusip)}


@securities.api(
    "The ISIN of a British security by its SEDOL number.",
    {"sedol": takes("sedol", "0540528")},
    {
        "isin": gives(
            "isin",
            "the ISIN of the British security with {sedol}",
            ask="What is the ISIN of the British security with {sedol}?",
        )
    },
)
def isin_of_sedol(sedol: str) -> Response:
    from stdnum.gb import sedol as known

    if not known.is_valid(sedol):
        raise HubError(f"{sedol} is not a valid SEDOL number", 400)
    return {"isin": known.to_isin(sedol)}


# ---------------------------------------------------------------- RetailBarcodes
barcodes = Tool("RetailBarcodes", "Business", "Bar codes of products (EAN-13) and GS1 prefixes.")


@lru_cache(maxsize=1)
def _country_of_prefix() -> dict[str, str]:
    out = {}
    for country, ranges in GS1.items():
        for first, _, last in (each.partition("-") for each in ranges.split()):
            out.update({f"{n:03d}": country for n in range(int(first), int(last or first) + 1)})
    return out


def gtin_digit(digits: str) -> str:
    """The check digit of 12 digits by the GTIN rule."""
    total = sum(int(digit) * (3 if i % 2 else 1) for i, digit in enumerate(digits))
    return str(-total % 10)


@barcodes.api(
    "The country whose GS1 organization has given out the prefix of a bar code (not the country "
    "where the product was made), and whether the check digit is right.",
    {"barcode": takes("barcode", "4006381333931")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country whose GS1 organization has the prefix of "
            "{barcode}",
            entity="the country whose GS1 organization has the prefix of {barcode}",
        ),
        "prefix": gives("gs1_prefix", "the GS1 prefix (the first three digits) of {barcode}"),
    },
)
def barcode_info(barcode: str) -> Response:
    if not re.fullmatch("[0-9]{13}", barcode):
        raise HubError(f"{barcode} is not a bar code number of 13 digits", 400)
    country = _country_of_prefix().get(barcode[:3])
    return {
        "country_code": found(country, f"country of the prefix {barcode[:3]}"),
        "prefix": barcode[:3],
        "valid": gtin_digit(barcode[:12]) == barcode[12],
    }


@barcodes.api(
    "The GS1 prefixes of a country's bar codes.",
    {"country_code": takes("country_code", "JP")},
    {
        "first": gives(
            "gs1_prefix",
            "the lowest three-digit GS1 prefix of bar codes from {country_code}",
            ask="What is the lowest three-digit GS1 prefix of bar codes from {country_code}?",
        ),
        "count": gives(
            "count",
            "the number of three-digit GS1 prefixes that {country_code} has for its bar codes",
        ),
    },
)
def prefixes_of_country(country_code: str) -> Response:
    prefixes = [p for p, c in sorted(_country_of_prefix().items()) if c == country_code.upper()]
    first = found(prefixes, f"GS1 prefix of {country_code}")[0]
    return {"first": first, "count": len(prefixes), "ranges": GS1[country_code.upper()].split()}


@barcodes.api(
    "The country whose GS1 organization has a prefix of bar codes.",
    {"prefix": takes("gs1_prefix", "400")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country whose GS1 organization has {prefix}",
            entity="the country whose GS1 organization has {prefix}",
        )
    },
)
def country_of_prefix(prefix: str) -> Response:
    return {"country_code": found(_country_of_prefix().get(prefix), f"country of {prefix}")}


@barcodes.api(
    "The bar code number (EAN-13) that 12 digits make with their check digit.",
    {"digits": takes("digit_row", "590123412345")},
    {
        "barcode": gives(
            "barcode",
            "the EAN-13 number that {digits} make with their check digit",
            ask="Which EAN-13 number do {digits} make with their check digit?",
        )
    },
)
def complete_barcode(digits: str) -> Response:
    if not re.fullmatch("[0-9]{12}", digits):
        raise HubError(f"{digits} is not a row of 12 digits", 400)
    return {"barcode": digits + gtin_digit(digits)}


# ---------------------------------------------------------------- IndustryCodes
industries = Tool(
    "IndustryCodes",
    "Business",
    "The European classification of economic activities (NACE) and its link to the UN's ISIC.",
    ("stdnum",),
)


@lru_cache(maxsize=2)
def _activities(revision: str) -> dict[str, dict[str, str]]:
    """The facts of every code without its dot: label, section, isic."""
    from stdnum import numdb

    out: dict[str, dict[str, str]] = {}

    def add(start: str, prefixes: list[Any], section: str) -> None:
        for _, code, _, facts, inner in prefixes:
            out[start + code] = {"section": section, **facts}
            add(start + code, inner, facts.get("section", section))

    add("", numdb.get(revision).prefixes, "")
    return out


NOW: Final = "eu/nace21"
BEFORE: Final = "eu/nace20"


def _activity(code: str, revision: str = NOW) -> dict[str, str]:
    facts: dict[str, str] = found(
        _activities(revision).get(code.replace(".", "").upper()), f"NACE code {code}"
    )
    return facts


@industries.api(
    "The economic activity of a code in NACE Rev. 2.1 (of 2025), and the section it is in.",
    {"code": takes("nace", "62.10")},
    {
        "label": gives(
            "industry",
            "the economic activity with {code}",
            ask="Which economic activity has {code}?",
        ),
        "section": gives(
            "industry",
            "the name of the section that contains the class with {code}",
        ),
    },
)
def nace_label(code: str) -> Response:
    facts = _activity(code)
    section = _activity(facts["section"])["label"] if facts["section"] else facts["label"]
    return {
        "label": facts["label"],
        "section": section.capitalize(),
        "section_code": facts["section"],
    }


@industries.api(
    "The economic activity of a code in NACE Rev. 2, the revision of 2008.",
    {"code": takes("nace_2008", "62.01")},
    {
        "label": gives(
            "industry",
            "the economic activity with {code}",
            ask="Which economic activity has {code}?",
        )
    },
)
def nace_2008_label(code: str) -> Response:
    facts = _activity(code, BEFORE)
    return {"label": facts["label"], "isic": facts.get("isic")}


@industries.api(
    "A division (two digits) of NACE Rev. 2.1: its name, its section and its classes.",
    {"division": takes("nace_division", "10")},
    {
        "label": gives(
            "industry",
            "the name of {division}",
            ask="What is {division} called?",
        ),
        "classes": gives(
            "count",
            "the number of classes (four-digit codes) in {division}",
            ask="How many classes (four-digit codes) are in {division}?",
        ),
        "section": gives("industry", "the name of the section that {division} belongs to"),
    },
)
def nace_division(division: str) -> Response:
    if not re.fullmatch("[0-9]{2}", division):
        raise HubError(f"{division} is not a division of two digits", 400)
    facts = _activity(division)
    inner = [code for code in _activities(NOW) if code.startswith(division)]
    classes = [f"{code[:2]}.{code[2:]}" for code in inner if len(code) == 4]
    return {
        "label": facts["label"],
        "section": _activity(facts["section"])["label"].capitalize(),
        "classes": len(classes),
        "codes": classes[:60],
    }


@industries.api(
    "The class of the UN's ISIC Rev. 4 that a class of NACE Rev. 2 (of 2008) belongs to.",
    {"code": takes("nace_2008", "62.01")},
    {
        "isic": gives(
            "isic",
            "the ISIC Rev. 4 code to which the class with {code} belongs",
            ask="To which ISIC Rev. 4 code does the class with {code} belong?",
        )
    },
)
def isic_of_nace(code: str) -> Response:
    return {"isic": found(_activity(code, BEFORE).get("isic"), f"ISIC code of {code}")}


@industries.api(
    "The classes of NACE Rev. 2 (of 2008) that belong to a class of the UN's ISIC Rev. 4.",
    {"isic": takes("isic", "1071")},
    {
        "count": gives(
            "count",
            "the number of NACE Rev. 2 classes that belong to {isic}",
            ask="How many NACE Rev. 2 classes belong to {isic}?",
        ),
        "first": gives("nace_2008", "the lowest NACE Rev. 2 code that belongs to {isic}"),
    },
)
def nace_of_isic(isic: str) -> Response:
    codes = found(_nace_by_isic().get(isic), f"ISIC code {isic}")
    return {"count": len(codes), "first": codes[0], "codes": codes[:60]}


@lru_cache(maxsize=1)
def _nace_by_isic() -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for code, facts in sorted(_activities(BEFORE).items()):
        if len(code) == 4:
            out.setdefault(facts.get("isic", ""), []).append(f"{code[:2]}.{code[2:]}")
    return out


# ---------------------------------------------------------------- entities
ISINS: Final = (
    "US0378331005", "US5949181045", "DE0007164600", "DE0007236101", "FR0000121014", "FR0000120271",
    "CH0038863350", "GB0005405286", "NL0010273215", "JP3633400001", "KR7005930003", "SE0000108656",
    "DK0062498333", "ES0113900J37", "IT0003132476", "AU000000BHP4", "CA7800871021", "BRPETRACNPR6",
    "FI0009000681", "NO0010096985", "INE002A01018", "US0231351067", "US02079K3059", "US88160R1014",
    "US67066G1040", "US4592001014", "US4781601046", "US1912161007", "US5801351017", "US2546871060",
    "US9311421039", "US7427181091", "US0970231058", "US4370761029", "US92826C8394", "US38141G1040",
    "US46625H1005", "DE0005190003", "DE0007100000", "DE0008404005", "DE000BASF111", "FR0000120578",
    "FR0000131104", "FR0000125338", "CH0012032048", "CH0012005267", "GB0009895292", "GB0007980591",
    "GB0002374006", "GB00BH4HKS39", "GB0031348658", "GB0008706128", "GB00BP6MXD84", "GB0002875804",
    "GB00B24CGK77", "GB0007188757", "GB00B10RZP78", "GB0004544929", "GB00BLGZ9862", "NL0000235190",
    "NL0011794037", "JP3435000009", "JP3756600007", "JP3854600008", "KR7000660001", "SE0000115446",
    "ES0144580Y14", "ES0178430E18", "IT0003128367", "AU000000CBA7", "CA8911605092", "BE0974293251",
    "AT0000743059", "PTGAL0AM0009", "IE00BZ12WP82", "LU1598757687", "ZAE000042164", "MXP370711014",
    "HK0000069689", "SG1L01001701", "US6541061031", "US4581401001", "US17275R1023", "US22160K1051",
    "US0846707026", "US30231G1022",
)  # fmt: skip
LEIS: Final = (
    "HWUPKR0MPOU8FGXBT394", "7LTWFZYICNSX8D621K86", "INR2EJN1ERAN0W5ZP974", "8I5DZWZKVSZI1NUHU748",
    "54930043XZGB27CTOV49", "529900D6BF99LW9R2E68", "549300Z40J86GGSTL398", "5493000IBP32UQZ0KL24",
    "W22LROWP2IHZNBB6K528", "784F5XWPLTWKTBV3E584", "5299000J2N45DDNE4Y28", "213800LBQA1Y9L22JB70",
    "ZXTILKJKG63JELOEG630", "5493006MHB84DD0ZWV18", "B4TYDEB6GKMZO031MB27",
)  # fmt: skip
VAT_NUMBERS: Final = (
    "BE0428759497", "BE0403019261", "DE136695976", "DE811115368", "FR40303265045", "FR83404833048",
    "NL004495445B01", "NL003660564B01", "ATU13585627", "DK13585628", "EL094259216", "ESA13585625",
    "FI20774740", "HU12892312", "IE6433435F", "IT00743110157", "IT00159560366", "LU15027442",
    "MT11679112", "PL8567346215", "PT501964843", "RO18547290", "SE123456789701", "SI50223054",
    "SK2022749619", "CZ25123891", "EE100931558", "LV40003521600", "LT119511515", "HR33392005961",
    "BG175074752", "CY10259033P",
)  # fmt: skip
OTHER_IDS: Final = (
    "BBG000B9XRY4", "BBG000BLNNH6", "0264-3596", "0028-0836", "0036-8075", "0140-6736",
    "22XWATTPLUS----G", "16.727.230/0001-97", "27AAPFU0939F1ZV", "91110000600037341L", "J99216582",
    "CHE-100.155.212", "00192200M", "2077474-0", "20-05536168-2", "76086428-5",
)  # fmt: skip

# Schemes of nine digits, and numbers that some of them take for valid and some do not.
NINE_DIGITS: Final = (
    "Australian ACN", "Canadian BN", "French SIREN", "Norwegian Orgnr", "Polish REGON",
    "Portuguese NIF",
)  # fmt: skip
COMPANY_NUMBERS: Final = (
    "312638681", "312852494", "312979198", "313200930", "313240525", "313295958", "313517690",
    "313573123", "313905721", "314024506", "314689702", "314753054", "314998543", "315141085",
    "315188599", "315449926", "315537035", "315782524", "315806281", "316709047", "316772399",
    "316819913", "316962455", "317025807", "317287134", "317350486", "317556380", "317627651",
    "317809788", "317944411", "318015682", "318134467", "318332442", "318387875", "318459146",
    "319243127", "319377750", "319908323", "320098379", "320312192", "404833048", "004085616",
)  # fmt: skip


def _cusips() -> list[str]:
    return [isin[2:11] for isin in ISINS if isin.startswith("US")]


def _sedols() -> list[str]:
    """Of the securities whose ISIN is made of it."""
    return [isin[4:11] for isin in ISINS if isin.startswith("GB")]


def _barcodes() -> list[str]:
    """One or two for each country."""
    out = []
    for i, ranges in enumerate(GS1.values()):
        first = ranges.partition("-")[0].partition(" ")[0]
        digits = f"{first}{(38_133_393 + i * 7_654_321) % 10**9:09d}"
        out.append(digits + gtin_digit(digits))
    return out


def _identifiers() -> list[str]:
    """Numbers that one scheme alone takes for valid, and some more."""
    listed = (*ISINS[::2], *LEIS, *VAT_NUMBERS, *OTHER_IDS, *_sedols(), *_barcodes()[::4])
    return [
        number
        for number in listed
        if sum(bool(known.is_valid(number)) for known in _modules().values()) == 1
    ]


def _classes(revision: str) -> list[str]:
    """Codes of classes with short names that say what they are."""
    out = []
    for code, facts in sorted(_activities(revision).items()):
        label = facts["label"]
        if len(code) == 4 and len(label) <= 60 and "n.e.c" not in label and "ther " not in label:
            out.append(f"{code[:2]}.{code[2:]}")
    return out


def _divisions() -> list[str]:
    return [code for code in sorted(_activities(NOW)) if re.fullmatch("[0-9]{2}", code)]


entities(
    "scheme", lambda: NINE_DIGITS, aliases=lambda v: (v.partition(" ")[2],) if " " in v else ()
)
entities("company_number", lambda: COMPANY_NUMBERS, says=lambda v: (f"the number {v}",))
entities("identifier", _identifiers, says=lambda v: (f"the number {v}",))
entities("check_method", lambda: list(METHODS), says=lambda v: (METHODS[v],))
entities(
    "digit_row",
    lambda: [f"{(790_123_412_345 + i * 61_803_398_874) % 10**12:012d}" for i in range(60)],
    says=lambda v: (f"the digits {v}",),
)
entities("isin", lambda: ISINS, says=lambda v: (f"the ISIN {v}",))
entities("cusip", _cusips, says=lambda v: (f"the CUSIP number {v}",))
entities("sedol", _sedols, says=lambda v: (f"the SEDOL number {v}",))
entities("vat_number", lambda: VAT_NUMBERS, says=lambda v: (f"the EU VAT number {v}",))
entities("barcode", _barcodes, says=lambda v: (f"the bar code number {v}",))
entities(
    "gs1_prefix",
    lambda: sorted(_country_of_prefix())[::7],
    says=lambda v: (f"the bar code prefix {v}",),
)
entities("nace", lambda: _classes(NOW), says=lambda v: (f"the NACE Rev. 2.1 code {v}",))
entities("nace_2008", lambda: _classes(BEFORE), says=lambda v: (f"the NACE Rev. 2 code {v}",))
entities("nace_division", _divisions, says=lambda v: (f"division {v} of NACE Rev. 2.1",))
entities(
    "isic",
    lambda: sorted(code for code in _nace_by_isic() if len(code) == 4),
    says=lambda v: (f"the ISIC Rev. 4 code {v}",),
)
