"""Payments: bank codes, IBANs and references, the world's currencies and how money is written."""

from __future__ import annotations

import datetime as dt
from binascii import crc32
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from ..cldr import locale as cldr_locale
from ..entities import entities
from ..pack import table
from ..registry import HubError, Tool, found, gives, maybe, takes
from ..types import lists, sem
from .events import day

Response = Mapping[str, Any]

PRESENT: Final = dt.date(2026, 6, 30)
SINCE: Final = dt.date(1950, 1, 1)

sem("account", about="account number, up to 20 digits or letters, as 532013000", high=20)
sem("national_bank_code", about="national bank code, as 37040044", high=12, links=False)
sem("invoice_number", about="number of an invoice: up to 21 digits and capital letters", high=21)
sem("creditor_reference", about="creditor reference (ISO 11649), as RF18539007547034", high=25)
sem("check_digits", about="two check digits, as 08", high=2, links=False)
lists("country_code")
lists("currency_code")


# ---------------------------------------------------------------- BankCodes
banks = Tool(
    "BankCodes",
    "Payments",
    "IBANs, BICs and national bank codes, with the banks behind them.",
    ("schwifty",),
)


def _iban(text: str) -> Any:
    from schwifty import IBAN
    from schwifty.exceptions import SchwiftyException

    try:
        return IBAN(text)
    except (SchwiftyException, ValueError) as error:
        raise HubError(f"{text} is not a valid IBAN: {error}", 400) from None


def _bic(text: str) -> Any:
    from schwifty import BIC
    from schwifty.exceptions import SchwiftyException

    try:
        return BIC(text)
    except (SchwiftyException, ValueError) as error:
        raise HubError(f"{text} is not a valid BIC: {error}", 400) from None


@banks.api(
    "Check an IBAN and tell its parts: country, bank, BIC, bank code.",
    {"iban": takes("iban", "DE89370400440532013000")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country of the bank account with {iban}",
            entity="the country of the bank account with {iban}",
            ask="In which country is the bank account with {iban}?",
        ),
        "bank_name": gives(
            "text",
            "the name of the bank at which the account with {iban} is held",
            ask="At which bank is the account with {iban} held?",
        ),
        "bic": gives("bic", "the BIC of the bank at which the account with {iban} is held"),
        "bank_code": gives("national_bank_code", "the national bank code in {iban}"),
    },
)
def parse_iban(iban: str) -> Response:
    known = _iban(iban)
    return {
        "country_code": known.country_code,
        "bank_name": known.bank_name,
        "bic": str(known.bic) if known.bic else None,
        "bank_code": known.bank_code,
        "account": known.account_code,
        "formatted": known.formatted,
    }


@banks.api(
    "Make the IBAN of an account from the bank code (a German Bankleitzahl, unless another country "
    "is given) and the account number.",
    {
        "bank_code": takes("bank_code", "10010010"),
        "account": takes("account", "12345"),
        "country_code": maybe("country_code", "AT", "DE"),
    },
    {
        "iban": gives(
            "iban",
            "the IBAN of the account {account} at {bank_code}",
            "the IBAN that the account number {account} has at {bank_code}",
        )
    },
)
def build_iban(bank_code: str, account: str, country_code: str = "DE") -> Response:
    from schwifty import IBAN
    from schwifty.exceptions import SchwiftyException

    if not (
        bank_code.isascii() and bank_code.isalnum() and account.isascii() and account.isalnum()
    ):
        raise HubError("bank_code and account must consist of digits and letters", 400)
    try:
        made = IBAN.generate(country_code.upper(), bank_code=bank_code, account_code=account)
    except (SchwiftyException, ValueError) as error:
        raise HubError(f"no IBAN can be made of this: {error}", 400) from None
    return {"iban": str(made), "formatted": made.formatted}


@banks.api(
    "The country and the name of the bank that a BIC (SWIFT code) belongs to.",
    {"bic": takes("bic", "DEUTDEFF")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country of the bank with {bic}",
            entity="the country of the bank with {bic}",
            ask="In which country is the bank with {bic}?",
        ),
        "bank_name": gives(
            "text",
            "the name of the bank with {bic}",
            ask="Which bank has {bic}?",
        ),
    },
)
def bic_info(bic: str) -> Response:
    known = _bic(bic)
    names = known.bank_names
    return {
        "country_code": known.country_code,
        "bank_name": names[0] if names else None,
        "location_code": known.location_code,
        "bank_codes": len(known.domestic_bank_codes),
    }


@banks.api(
    "The BIC and the name of the bank with a national bank code (a German Bankleitzahl, unless "
    "another country is given).",
    {
        "bank_code": takes("bank_code", "37040044"),
        "country_code": maybe("country_code", "AT", "DE"),
    },
    {
        "bic": gives("bic", "the BIC of {bank_code}"),
        "bank_name": gives(
            "text",
            "the name of {bank_code}",
            ask="What is the name of {bank_code}?",
        ),
    },
)
def bank_of_code(bank_code: str, country_code: str = "DE") -> Response:
    from schwifty import BIC, registry
    from schwifty.exceptions import SchwiftyException

    country = country_code.upper()
    known = found(registry.get_banks_by_code(country, bank_code), f"bank {bank_code} in {country}")
    try:
        bic = str(BIC.from_bank_code(country, bank_code))
    except SchwiftyException:
        bic = None
    main = next((bank for bank in known if bank.primary), known[0])
    return {"bic": bic, "bank_name": main.name}


@banks.api(
    "How IBANs of a country look.",
    {"country_code": takes("country_code", "NO")},
    {
        "length": gives(
            "count",
            "the number of characters of an IBAN from {country_code}",
            ask="How many characters does an IBAN from {country_code} have?",
        ),
        "sepa": gives(
            "bool",
            "whether {country_code} belongs to the Single Euro Payments Area (SEPA)",
            ask="Does {country_code} belong to the Single Euro Payments Area (SEPA)?",
        ),
    },
)
def iban_format(country_code: str) -> Response:
    from schwifty import registry
    from schwifty.exceptions import SchwiftyException

    try:
        spec = registry.get_iban_spec(country_code.upper())
    except SchwiftyException:
        raise HubError(f"IBAN format of country {country_code} not found") from None
    if spec.aspirational:
        raise HubError(f"country {country_code} has no IBANs")
    return {"length": spec.iban_length, "bban": spec.bban_spec, "sepa": bool(spec.in_sepa_zone)}


# ---------------------------------------------------------------- PaymentChecks
checks = Tool(
    "PaymentChecks",
    "Payments",
    "Check numbers of payments: IBANs, BICs, creditor references.",
    ("stdnum",),
)


@checks.api(
    "Check an IBAN's structure and check digits, and tell its country.",
    {"number": takes("iban", "GB29NWBK60161331926819")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country of the bank account with {number}",
            entity="the country of the bank account with {number}",
            ask="In which country is the bank account with {number}?",
        ),
    },
)
def iban_check(number: str) -> Response:
    from stdnum import iban
    from stdnum.exceptions import ValidationError

    try:
        valid = iban.validate(number, check_country=False)
    except ValidationError as error:
        raise HubError(f"{number} is not a valid IBAN: {error}", 400) from None
    return {"country_code": valid[:2], "check_digits": valid[2:4], "bban": valid[4:]}


@checks.api(
    "Check a BIC's structure and tell its country.",
    {"number": takes("bic", "AGRIFRPP802")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country of the bank with {number}",
            entity="the country of the bank with {number}",
            ask="In which country is the bank with {number}?",
        )
    },
)
def bic_check(number: str) -> Response:
    from stdnum import bic
    from stdnum.exceptions import ValidationError

    try:
        valid = bic.validate(number)
    except ValidationError as error:
        raise HubError(f"{number} is not a valid BIC: {error}", 400) from None
    return {"country_code": valid[4:6], "institution": valid[:4]}


@checks.api(
    "Make the structured creditor reference (RF, ISO 11649) of an invoice number.",
    {"invoice_number": takes("invoice_number", "539007547034")},
    {
        "reference": gives(
            "creditor_reference",
            "the RF creditor reference (ISO 11649) for {invoice_number}",
            "the structured creditor reference (RF, ISO 11649) made of {invoice_number}",
        ),
        "check_digits": gives(
            "check_digits",
            "the two-digit check number in the RF creditor reference for {invoice_number}",
        ),
    },
)
def creditor_reference(invoice_number: str) -> Response:
    from stdnum.iso7064 import mod_97_10

    number = invoice_number.upper().replace(" ", "")
    if not (number.isascii() and number.isalnum()):
        raise HubError("an invoice number consists of digits and letters", 400)
    digits = mod_97_10.calc_check_digits(f"{number}RF")
    return {"reference": f"RF{digits}{number}", "check_digits": digits}


# ---------------------------------------------------------------- MoneyFormats
formats = Tool(
    "MoneyFormats",
    "Payments",
    "The currencies of the world's countries, their names and how amounts are written (CLDR).",
    ("babel",),
)


def _named(currency: str) -> str:
    """The code of a currency that has a name.

    Raises:
        HubError: there is none; 404.
    """
    if currency.upper() not in cldr_locale("en").currencies:
        raise HubError(f"currency {currency} not found")
    return currency.upper()


@lru_cache(maxsize=1)
def _tenders() -> dict[str, list[tuple[str, dt.date, dt.date]]]:
    """Of each country the legal tenders with the dates from and to which they were it."""
    from babel.core import get_global

    out: dict[str, list[tuple[str, dt.date, dt.date]]] = {}
    for code, rows in sorted(get_global("territory_currencies").items()):
        if len(code) == 2:
            spans = [
                (currency, dt.date(*(start or (1, 1, 1))), dt.date(*(end or (9999, 12, 31))))
                for currency, start, end, tender in rows
                if tender and currency != "XXX"
            ]
            out[code] = sorted(spans, key=lambda span: (span[1], span[0]))
    return out


def _tenders_of(country_code: str) -> list[tuple[str, dt.date, dt.date]]:
    known = _tenders().get(country_code.upper())
    spans: list[tuple[str, dt.date, dt.date]] = found(known, f"currency of country {country_code}")
    return spans


def _tender(country_code: str, date: dt.date) -> tuple[str, dt.date]:
    """The currency in force: the country's own of several, else the newest; and since when."""
    own = country_code.upper()
    spans = [
        (currency.startswith(own), start, currency)
        for currency, start, end in _tenders_of(country_code)
        if start <= date <= end
    ]
    best = max(found(spans, f"currency of country {country_code} on {date}"))
    return best[2], best[1]


@formats.api(
    "How an amount of money is written in a language and region.",
    {
        "amount": takes("amount", 1_234_567.89),
        "currency": takes("currency_code", "EUR"),
        "locale": takes("locale", "de_DE"),
    },
    {
        "formatted": gives(
            "text",
            "the way in which {locale} writes an amount of {amount} in {currency}",
            "the usual notation, in {locale}, of an amount of {amount} in {currency}",
            ask="How does one write, in {locale}, an amount of {amount} in {currency}?",
        )
    },
)
def format_amount(amount: float, currency: str, locale: str) -> Response:
    from babel.numbers import format_currency

    text = format_currency(amount, _named(currency), locale=cldr_locale(locale))
    return {"formatted": _plain_spaces(text)}


def _plain_spaces(text: str) -> str:
    plain = text.replace("\u00a0", " ").replace("\u202f", " ")
    return "".join(c for c in plain if c not in "\u200e\u200f\u061c")


@formats.api(
    "The currency of a country.",
    {"country_code": takes("country_code", "HR")},
    {
        "currency": gives(
            "currency_code",
            "the ISO 4217 code of the currency of {country_code}",
            "the currency code of {country_code}",
            entity="the currency of {country_code}",
            ask="Which currency, as an ISO 4217 code, is used in {country_code}?",
        )
    },
)
def territory_currency(country_code: str) -> Response:
    currency, _ = _tender(country_code, PRESENT)
    legal = [code for code, start, end in _tenders_of(country_code) if start <= PRESENT <= end]
    return {"currency": currency, "legal_tender": legal}


@formats.api(
    "The currency that a country had on a date.",
    {"country_code": takes("country_code", "SK"), "date": takes("date", "2005-06-01")},
    {
        "currency": gives(
            "currency_code",
            "the ISO 4217 code of the currency that {country_code} had on {date}",
            entity="the currency that {country_code} had on {date}",
            ask="Which currency, as an ISO 4217 code, did {country_code} have on {date}?",
        )
    },
)
def territory_currency_on(country_code: str, date: str) -> Response:
    currency, since = _tender(country_code, day(date))
    return {"currency": currency, "since": since}


@formats.api(
    "When a country introduced its present currency.",
    {"country_code": takes("country_code", "SI")},
    {
        "since": gives(
            "date",
            "the date on which the present currency of {country_code} became legal tender there",
            ask="On which date did the present currency of {country_code} become legal tender "
            "there?",
        )
    },
)
def currency_since(country_code: str) -> Response:
    currency, since = _tender(country_code, PRESENT)
    if since.year == 1:
        raise HubError(f"the first day of {currency} in {country_code} is not known")
    return {"currency": currency, "since": since}


@formats.api(
    "The currency that a country had before its present one.",
    {"country_code": takes("country_code", "HR")},
    {
        "currency": gives(
            "currency_code",
            "the ISO 4217 code of the currency that {country_code} had before its present one",
            entity="the currency that {country_code} had before its present one",
            ask="Which currency, as an ISO 4217 code, did {country_code} have before its present "
            "one?",
        ),
    },
)
def former_currency(country_code: str) -> Response:
    present, _ = _tender(country_code, PRESENT)
    ended = [
        (end, start, currency)
        for currency, start, end in _tenders_of(country_code)
        if end < PRESENT and currency != present
    ]
    end, _, currency = max(found(ended, f"former currency of country {country_code}"))
    return {"currency": currency, "until": end}


@formats.api(
    "The currencies that have been legal tender in a country since 1950.",
    {"country_code": takes("country_code", "RO")},
    {
        "count": gives(
            "count",
            "the number of currencies that have been legal tender in {country_code} since 1950",
            ask="How many currencies have been legal tender in {country_code} since 1950?",
        ),
        "currencies": gives(
            "currency_code[]",
            "the currencies that have been legal tender in {country_code} since 1950",
        ),
    },
)
def currencies_used(country_code: str) -> Response:
    spans = [span for span in _tenders_of(country_code) if span[2] >= SINCE and span[1] <= PRESENT]
    codes = list(dict.fromkeys(currency for currency, _, _ in spans))
    return {"count": len(codes), "currencies": codes}


@lru_cache(maxsize=1)
def _users() -> dict[str, list[str]]:
    """Of each currency the countries whose currency it is at present."""
    out: dict[str, list[str]] = {}
    for code in sorted(_tenders().keys() & {row[0] for row in table("countries")}):
        try:
            out.setdefault(_tender(code, PRESENT)[0], []).append(code)
        except HubError:
            continue
    return out


@formats.api(
    "The countries and territories that use a currency as their own.",
    {"currency": takes("currency_code", "KES")},
    {
        "count": gives(
            "count",
            "the number of countries and territories whose currency is {currency}",
            ask="How many countries and territories have {currency} as their currency?",
        ),
        "country_codes": gives(
            "country_code[]", "the countries and territories whose currency is {currency}"
        ),
        "only_country": gives(
            "country_code",
            "the ISO alpha-2 code of the only country whose currency is {currency}",
            entity="the only country whose currency is {currency}",
        ),
    },
)
def countries_using(currency: str) -> Response:
    codes = found(_users().get(_named(currency)), f"countries that use {currency}")
    return {
        "count": len(codes),
        "country_codes": codes[:50],
        "only_country": codes[0] if len(codes) == 1 else None,
    }


@formats.api(
    "The name and the symbol of a currency in a language.",
    {"currency": takes("currency_code", "PLN"), "locale": takes("locale", "fr_FR")},
    {
        "name": gives(
            "text",
            "the name that {locale} has for {currency}",
            "the name in {locale} of {currency}",
            ask="In {locale}, what is {currency} called?",
        ),
        "symbol": gives("text", "the symbol that stands, in {locale}, for {currency}"),
    },
)
def currency_name(currency: str, locale: str) -> Response:
    from babel.numbers import get_currency_name, get_currency_precision, get_currency_symbol

    code, where = _named(currency), cldr_locale(locale)
    return {
        "name": _plain_spaces(get_currency_name(code, locale=where)),
        "symbol": _plain_spaces(get_currency_symbol(code, locale=where)),
        "decimals": get_currency_precision(code),
    }


# ---------------------------------------------------------------- entities
LOCALES: Final = {
    "ar_EG": "Egyptian Arabic", "bg_BG": "Bulgarian", "bn_BD": "Bengali", "ca_ES": "Catalan",
    "cs_CZ": "Czech", "da_DK": "Danish", "de_AT": "Austrian German", "de_CH": "Swiss German",
    "de_DE": "German", "el_GR": "Greek", "en_AU": "Australian English", "en_CA": "Canadian English",
    "en_GB": "British English", "en_IN": "Indian English", "en_US": "American English",
    "es_AR": "Argentine Spanish", "es_ES": "European Spanish", "es_MX": "Mexican Spanish",
    "et_EE": "Estonian", "eu_ES": "Basque", "fa_IR": "Persian", "fi_FI": "Finnish",
    "fil_PH": "Filipino", "fr_CA": "Canadian French", "fr_FR": "French", "he_IL": "Hebrew",
    "hi_IN": "Hindi", "hr_HR": "Croatian", "hu_HU": "Hungarian", "hy_AM": "Armenian",
    "id_ID": "Indonesian", "is_IS": "Icelandic", "it_IT": "Italian", "ja_JP": "Japanese",
    "ka_GE": "Georgian", "ko_KR": "Korean", "lt_LT": "Lithuanian", "lv_LV": "Latvian",
    "ms_MY": "Malay", "nb_NO": "Norwegian Bokmål", "nl_BE": "Flemish Dutch", "nl_NL": "Dutch",
    "pl_PL": "Polish", "pt_BR": "Brazilian Portuguese", "pt_PT": "European Portuguese",
    "ro_RO": "Romanian", "ru_RU": "Russian", "sk_SK": "Slovak", "sl_SI": "Slovenian",
    "sv_SE": "Swedish", "sw_KE": "Kenyan Swahili", "th_TH": "Thai", "tr_TR": "Turkish",
    "uk_UA": "Ukrainian", "ur_PK": "Urdu", "vi_VN": "Vietnamese",
}  # fmt: skip
BANKS: Final = {
    "AE": "026 035", "AT": "11000 14000 15000 20100 32000", "BE": "000 050 185 400",
    "BG": "STSA UNCR", "CH": "00230 00700 00790 09000 80000", "CZ": "0100 0300 0800 2010",
    "DE": "10050000 10070000 12030000 20041133 20050550 37040044 50010517 50050201 60050101 "
          "70020270 70150000 76030080",
    "DK": "0040 0200 0570 0681", "EE": "10 11", "ES": "0049 0081 0182 2100", "FI": "100 340 500",
    "FR": "10011 10057 30002 30003", "GB": "ABBY BARC LOYD MIDL NWBK", "GR": "011 014 017 026",
    "HR": "2340009 2360000", "HU": "116 117", "IE": "AIBK BOFI", "IT": "01010 02008 05034",
    "LT": "70440 73000", "LU": "001 003", "LV": "HABA UNLA", "NL": "ABNA INGB RABO", "NO": "0500",
    "PL": "10200003 10500002 11400000 12400001", "PT": "0018 0033 0035", "RO": "BTRL RNCB",
    "SE": "300 500 600 800", "SK": "0200 0900 1100", "TR": "00010 00046 00062 00064",
}  # fmt: skip
GERMAN_BANKS: Final = (
    "10000000", "10010010", "10020890", "10040000", "10050000", "10070000", "10070024", "10090000",
    "12030000", "20041133", "20050550", "20070000", "21050000", "25050000", "25050180", "26580070",
    "29050101", "30020900", "30050110", "30070010", "36050105", "37040044", "37050198", "37050299",
    "37160087", "38050000", "42050001", "43060967", "44050199", "50010517", "50040000", "50050000",
    "50050201", "50070010", "50190000", "51050015", "54850010", "55050120", "60050101", "60090100",
    "66050101", "68050101", "70020270", "70070010", "70150000", "72050000", "76010085", "76030080",
    "76050101", "85050300", "86055592", "87050000",
)  # fmt: skip


def _number(mark: str, digits: int) -> str:
    """Some digits that depend on the mark alone."""
    low = 10 ** (digits - 1)
    return str(crc32(mark.encode()) * 7919 % (9 * low) + low)


@lru_cache(maxsize=1)
def _ibans() -> list[str]:
    """IBANs of real banks and made-up accounts, all of them valid by all checks."""
    from schwifty import IBAN
    from schwifty.exceptions import SchwiftyException

    made = []
    for country, codes in BANKS.items():
        for code in codes.split():
            for i in range(3):
                account = _number(f"{country}{code}{i}", 6)
                try:
                    iban = IBAN.generate(country, bank_code=code, account_code=account)
                except SchwiftyException:
                    continue
                if iban.bank_name and iban.bic and len(iban.bank_name) <= 70:
                    made.append(str(iban))
    return made


def _bics() -> list[str]:
    from schwifty import IBAN

    return sorted({str(IBAN(each).bic) for each in _ibans()})


def _german_banks() -> list[str]:
    from schwifty import registry

    return [code for code in GERMAN_BANKS if registry.get_banks_by_code("DE", code)]


def _grouped(iban: str) -> str:
    return " ".join(iban[i : i + 4] for i in range(0, len(iban), 4))


def _invoices() -> list[str]:
    return [
        f"{'INV' if i % 2 else ''}{2015 + i % 11}{_number(f'invoice {i}', 5)}" for i in range(60)
    ]


entities(
    "iban",
    _ibans,
    says=lambda v: (f"the IBAN {v}", f"the IBAN {_grouped(str(v))}"),
    aliases=lambda v: (_grouped(str(v)),),
)
entities("bic", _bics, says=lambda v: (f"the BIC {v}",))
entities(
    "bank_code",
    _german_banks,
    says=lambda v: (f"the bank with the German bank code (Bankleitzahl) {v}",),
)
entities("account", lambda: [_number(f"account {i}", 5 + i % 5) for i in range(60)])
entities("invoice_number", _invoices, says=lambda v: (f"the invoice number {v}",))
entities(
    "locale",
    lambda: list(LOCALES),
    says=lambda v: (f"{LOCALES.get(v, v)} ({v})", LOCALES.get(v, v)),
    aliases=lambda v: (LOCALES.get(v, v),),
)
