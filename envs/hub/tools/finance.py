"""Finance: exchange rates, loans and returns, share prices, US inflation, trading days."""

from __future__ import annotations

import datetime as dt
import re
from bisect import bisect_right
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from ..entities import entities
from ..pack import table
from ..registry import HubError, Tool, found, gives, takes
from ..types import lists, measure, sem
from .events import MONTHS, WEEKDAYS, day, later

Response = Mapping[str, Any]

TICKERS: Final = {
    "AAPL": "Apple (AAPL)",
    "FB": "Facebook (FB)",
    "GOOG": "Google (GOOG)",
    "IBM": "IBM (IBM)",
    "MSFT": "Microsoft (MSFT)",
}
MARKETS: Final = {
    "BVMF": "the São Paulo stock exchange (B3)",
    "XASX": "the Australian Securities Exchange",
    "XBOM": "the Bombay Stock Exchange",
    "XETR": "the Frankfurt stock exchange (Xetra)",
    "XHKG": "the Hong Kong Stock Exchange",
    "XIST": "the Istanbul stock exchange (Borsa Istanbul)",
    "XJPX": "the Tokyo Stock Exchange",
    "XJSE": "the Johannesburg Stock Exchange",
    "XKRX": "the Korea Exchange",
    "XLON": "the London Stock Exchange",
    "XMAD": "the Madrid stock exchange",
    "XMEX": "the Mexican Stock Exchange",
    "XNAS": "Nasdaq",
    "XNYS": "the New York Stock Exchange",
    "XNZE": "the New Zealand stock exchange",
    "XPAR": "Euronext Paris",
    "XSES": "the Singapore Exchange",
    "XSHG": "the Shanghai Stock Exchange",
    "XSWX": "the Swiss stock exchange (SIX)",
    "XTAI": "the Taiwan Stock Exchange",
    "XTSE": "the Toronto Stock Exchange",
    "XWAR": "the Warsaw Stock Exchange",
}
LARGEST_RESULT: Final = 1e12

sem("year_1999_2025", kind="integer", about="year from 1999 to 2025", low=1999, high=2025,
    wider="year", compare="number", tolerance=0)  # fmt: skip
sem("year_2000_2013", kind="integer", about="year from 2000 to 2013", low=2000, high=2013,
    wider="year", compare="number", tolerance=0)  # fmt: skip
sem("year_1913_2025", kind="integer", about="year from 1913 to 2025", low=1913, high=2025,
    wider="year", compare="number", tolerance=0)  # fmt: skip
sem("market", about="code (MIC) of a stock exchange", choices=tuple(MARKETS), entity=True)
sem("cash_flows", about="amounts with commas between them, the first one now and then one a "
    "year; negative: paid, as -1000, 300, 420, 680", high=300)  # fmt: skip
measure("interest_percent", "percent a year", 0, 100)
measure("loan_years", "years", 1, 60, kind="integer")
measure("money", "amount of money", -1e15, 1e15)
measure("index_points", "points of an index", 0, 1e6)
measure("shares", "shares", 0, 1e12)
lists("currency_code")


# ---------------------------------------------------------------- EcbRates
ecb = Tool(
    "EcbRates",
    "Finance",
    "Reference exchange rates of the European Central Bank, each business day since 1999.",
    ("currency_converter",),
)


@lru_cache(maxsize=1)
def _ecb() -> Any:
    from currency_converter import CurrencyConverter

    return CurrencyConverter()


def _quoted(currency: str) -> str:
    code = currency.upper()
    if code not in _ecb().currencies:
        raise HubError(f"currency {currency} is not quoted by the European Central Bank")
    return code


def _rate(base: str, quote: str, date: dt.date) -> float | None:
    """What one unit was worth, if both currencies were quoted on that date."""
    from currency_converter import RateNotFoundError

    try:
        return float(_ecb().convert(1, base, quote, date=date))
    except RateNotFoundError:
        return None


def _last_rate(base: str, quote: str, date: dt.date) -> tuple[dt.date, float]:
    """The same on that date or the last business day before it."""
    for back in range(8):
        when = later(date, -back)
        if (value := _rate(base, quote, when)) is not None:
            return when, value
    raise HubError(f"rate of {base} in {quote} on {date} not found")


def digits(value: float, n: int = 8) -> float:
    """A number to so many significant digits."""
    return float(f"{value:.{n}g}")


def _two(base: str, quote: str) -> tuple[str, str]:
    one, other = _quoted(base), _quoted(quote)
    if one == other:
        raise HubError("the two currencies must differ", 400)
    return one, other


@ecb.api(
    "Convert an amount of money at the reference rates of a business day; weekends and bank "
    "holidays have none.",
    {
        "amount": takes("amount", 100),
        "from_currency": takes("currency_code", "USD"),
        "to_currency": takes("currency_code", "EUR"),
        "date": takes("date", "2024-01-02"),
    },
    {
        "result": gives(
            "amount",
            "the amount that results from converting {amount} from {from_currency} to "
            "{to_currency} at the European Central Bank's reference rates of {date}",
            "the result of converting {amount} from {from_currency} to {to_currency} at the "
            "European Central Bank's reference rates of {date}",
            ask="How much is {amount} after conversion from {from_currency} to {to_currency} at "
            "the European Central Bank's reference rates of {date}?",
        )
    },
)
def convert(amount: float, from_currency: str, to_currency: str, date: str) -> Response:
    one, other = _two(from_currency, to_currency)
    value = found(_rate(one, other, day(date)), f"rate of {one} in {other} on {date}")
    if amount * value > LARGEST_RESULT:
        raise HubError("the result is too large", 400)
    return {"result": digits(amount * value)}


@ecb.api(
    "Convert US dollars to another currency at the reference rates of a date, or of the last "
    "business day before it.",
    {
        "dollars": takes("amount_usd", 250),
        "currency": takes("currency_code", "JPY"),
        "date": takes("date", "2012-09-19"),
    },
    {
        "result": gives(
            "money",
            "the value of {dollars}, converted to {currency} at the European Central Bank's "
            "reference rates of {date} (or of the last business day before it)",
            ask="What was {dollars} worth, converted to {currency}, at the European Central "
            "Bank's reference rates of {date} (or of the last business day before it)?",
        )
    },
)
def convert_dollars(dollars: float, currency: str, date: str) -> Response:
    one, other = _two("USD", currency)
    when, value = _last_rate(one, other, day(date))
    if dollars * value > LARGEST_RESULT:
        raise HubError("the result is too large", 400)
    return {"result": digits(dollars * value), "date": when}


@ecb.api(
    "What one unit of a currency was worth in another on a date, or on the last business day "
    "before it.",
    {
        "base": takes("currency_code", "GBP"),
        "quote": takes("currency_code", "USD"),
        "date": takes("date", "2024-01-06"),
    },
    {
        "rate": gives(
            "rate",
            "the value of one unit of {base}, expressed in {quote}, at the European Central "
            "Bank's reference rates of {date} (or of the last business day before it)",
            "the exchange rate from {base} to {quote} according to the European Central Bank's "
            "reference rates of {date} (or of the last business day before it)",
        )
    },
)
def rate(base: str, quote: str, date: str) -> Response:
    one, other = _two(base, quote)
    when, value = _last_rate(one, other, day(date))
    return {"rate": digits(value), "date": when}


@lru_cache(maxsize=1024)
def _rates_of(base: str, quote: str, year: int) -> dict[dt.date, float]:
    start = dt.date(year, 1, 1)
    days = [start + dt.timedelta(days=i) for i in range((dt.date(year + 1, 1, 1) - start).days)]
    values = {when: _rate(base, quote, when) for when in days if when.weekday() < 5}
    return {when: digits(value) for when, value in values.items() if value is not None}


@ecb.api(
    "The highest, lowest and average reference rate between two currencies in a year, with dates.",
    {
        "base": takes("currency_code", "USD"),
        "quote": takes("currency_code", "JPY"),
        "year": takes("year_1999_2025", 2022),
    },
    {
        "high_date": gives(
            "date",
            "the date in {year} on which one unit of {base} was worth the most in {quote} "
            "according to the European Central Bank's reference rates",
            ask="On which date in {year} was one unit of {base} worth the most in {quote}, "
            "according to the European Central Bank's reference rates?",
        ),
        "low_date": gives(
            "date",
            "the date in {year} on which one unit of {base} was worth the least in {quote} "
            "according to the European Central Bank's reference rates",
            ask="On which date in {year} was one unit of {base} worth the least in {quote}, "
            "according to the European Central Bank's reference rates?",
        ),
        "high": gives(
            "rate",
            "the highest European Central Bank reference rate of {year} for one unit of {base}, "
            "expressed in {quote}",
        ),
        "average": gives(
            "rate",
            "the average of the European Central Bank's daily reference rates of {year} for one "
            "unit of {base}, expressed in {quote}",
        ),
    },
)
def year_of_rates(base: str, quote: str, year: int) -> Response:
    one, other = _two(base, quote)
    rates = found(_rates_of(one, other, year), f"rates of {one} in {other} in {year}")
    high = max(rates, key=lambda when: (rates[when], -when.toordinal()))
    low = min(rates, key=lambda when: (rates[when], when))
    return {
        "high_date": high,
        "high": rates[high],
        "low_date": low,
        "low": rates[low],
        "average": digits(sum(rates.values()) / len(rates)),
        "days": len(rates),
    }


@ecb.api(
    "The currencies for which the European Central Bank published a reference rate on a date.",
    {"date": takes("date", "2010-06-30")},
    {
        "count": gives(
            "count",
            "the number of currencies, the euro not counted, for which the European Central Bank "
            "published a reference rate on {date}",
            ask="For how many currencies, the euro not counted, did the European Central Bank "
            "publish a reference rate on {date}?",
        )
    },
)
def currencies_on(date: str) -> Response:
    when = day(date)
    others = sorted(_ecb().currencies - {"EUR"})
    codes = [code for code in others if _rate(code, "EUR", when) is not None]
    return {"count": len(found(codes, f"reference rates of {date}")), "currencies": codes}


@ecb.api(
    "The first and the last date on which the European Central Bank quoted a currency; no last "
    "date while it still does.",
    {"currency": takes("currency_code", "SKK")},
    {
        "first_date": gives(
            "date",
            "the first date on which the European Central Bank published a reference rate for "
            "{currency}",
        ),
        "last_date": gives(
            "date",
            "the last date on which the European Central Bank published a reference rate for "
            "{currency}",
        ),
    },
)
def quotation_period(currency: str) -> Response:
    code = _quoted(currency)
    if code == "EUR":
        raise HubError("the euro is the base of the reference rates; it is not quoted itself", 400)
    first, last = _ecb().bounds[code]
    ended = last < max(bound.last_date for bound in _ecb().bounds.values())
    return {"first_date": first, "last_date": last if ended else None, "still_quoted": not ended}


# ---------------------------------------------------------------- TimeValue
money = Tool(
    "TimeValue",
    "Finance",
    "Loans, savings and returns: what money is worth over time.",
    ("pyxirr",),
)


@money.api(
    "The monthly payment of a loan that is paid back in equal payments, and its total interest.",
    {
        "principal": takes("amount", 200_000),
        "annual_rate_percent": takes("interest_percent", 5),
        "years": takes("loan_years", 30),
    },
    {
        "payment": gives(
            "amount",
            "the monthly payment for a loan of {principal} over {years} years at "
            "{annual_rate_percent} percent a year (equal payments, a twelfth of the rate a month)",
            ask="How much must be paid a month for a loan of {principal} over {years} years at "
            "{annual_rate_percent} percent a year (equal payments, a twelfth of the rate a month)?",
        ),
        "total_interest": gives(
            "amount",
            "the total interest paid on a loan of {principal} over {years} years at "
            "{annual_rate_percent} percent a year (equal monthly payments, a twelfth of the rate "
            "a month)",
        ),
    },
)
def loan_payment(principal: float, annual_rate_percent: float, years: int) -> Response:
    import pyxirr

    payment = -float(pyxirr.pmt(annual_rate_percent / 1200, 12 * years, principal))
    interest = payment * 12 * years - principal
    if interest > LARGEST_RESULT:
        raise HubError("the result is too large", 400)
    return {"payment": round(payment, 2), "total_interest": round(max(interest, 0.0), 2)}


@money.api(
    "What an amount grows to at a yearly compound interest.",
    {
        "amount": takes("amount", 1000),
        "rate_percent": takes("interest_percent", 4),
        "years": takes("loan_years", 10),
    },
    {
        "future_value": gives(
            "amount",
            "the amount to which {amount} grows in {years} years at {rate_percent} percent "
            "interest a year, compounded yearly",
            ask="To what amount does {amount} grow in {years} years at {rate_percent} percent "
            "interest a year, compounded yearly?",
        )
    },
)
def future_value(amount: float, rate_percent: float, years: int) -> Response:
    import pyxirr

    value = float(pyxirr.fv(rate_percent / 100, years, 0, -amount))
    if value > LARGEST_RESULT:
        raise HubError("the result is too large", 400)
    return {"future_value": round(value, 2)}


@money.api(
    "What an amount due in some years is worth today.",
    {
        "amount": takes("amount", 10_000),
        "rate_percent": takes("interest_percent", 3),
        "years": takes("loan_years", 12),
    },
    {
        "present_value": gives(
            "amount",
            "the present value of {amount} due in {years} years, discounted at {rate_percent} "
            "percent a year, compounded yearly",
        )
    },
)
def present_value(amount: float, rate_percent: float, years: int) -> Response:
    import pyxirr

    return {"present_value": round(float(-pyxirr.pv(rate_percent / 100, years, 0, amount)), 2)}


@money.api(
    "What equal monthly savings grow to, paid at the end of each month.",
    {
        "monthly": takes("amount", 200),
        "rate_percent": takes("interest_percent", 3),
        "years": takes("loan_years", 20),
    },
    {
        "savings": gives(
            "amount",
            "the amount saved after {years} years by putting aside {monthly} at the end of each "
            "month at {rate_percent} percent a year (a twelfth of the rate a month)",
        )
    },
)
def savings_plan(monthly: float, rate_percent: float, years: int) -> Response:
    import pyxirr

    value = float(pyxirr.fv(rate_percent / 1200, 12 * years, -monthly, 0))
    if value > LARGEST_RESULT:
        raise HubError("the result is too large", 400)
    return {"savings": round(value, 2)}


_NUMBER = re.compile(r"[+-]?[0-9]{1,13}(?:\.[0-9]{1,6})?")


def _flows(text: str) -> list[float]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) < 2 or not all(_NUMBER.fullmatch(part) for part in parts):
        raise HubError("give two amounts or more with commas between them, as -1000, 300, 800", 400)
    return [float(part) for part in parts]


@money.api(
    "The net present value of yearly cash flows, of which the first is due now.",
    {
        "rate_percent": takes("interest_percent", 10),
        "cash_flows": takes("cash_flows", "-1000, 300, 420, 680"),
    },
    {
        "npv": gives(
            "money",
            "the net present value, at {rate_percent} percent a year, of the cash flows "
            "{cash_flows} (the first one now, then one at the end of each year)",
        )
    },
)
def npv(rate_percent: float, cash_flows: str) -> Response:
    import pyxirr

    return {"npv": round(float(pyxirr.npv(rate_percent / 100, _flows(cash_flows))), 2)}


@money.api(
    "The internal rate of return of yearly cash flows, of which the first is due now.",
    {"cash_flows": takes("cash_flows", "-1000, 300, 420, 680")},
    {
        "irr_percent": gives(
            "percent",
            "the internal rate of return, in percent a year, of the cash flows {cash_flows} (the "
            "first one now, then one at the end of each year)",
        )
    },
)
def irr(cash_flows: str) -> Response:
    import pyxirr

    flows = _flows(cash_flows)
    if min(flows) >= 0 or max(flows) <= 0:
        raise HubError("some cash flows must be positive and some negative", 400)
    rate = found(pyxirr.irr(flows), "internal rate of return")
    return {"irr_percent": digits(100 * float(rate), 6)}


@money.api(
    "The yearly return, in percent, of an investment between two dates; the year has 365 days.",
    {
        "cost": takes("amount", 1000),
        "start": takes("date", "2015-03-02"),
        "proceeds": takes("amount", 1800),
        "end": takes("date", "2021-09-15"),
    },
    {
        "return_percent": gives(
            "percent",
            "the annualised return in percent (years of 365 days) of an investment of {cost} on "
            "{start} that brought {proceeds} on {end}",
            ask="What annualised return in percent (years of 365 days) did an investment of "
            "{cost} on {start} make that brought {proceeds} on {end}?",
        )
    },
)
def annual_return(cost: float, start: str, proceeds: float, end: str) -> Response:
    import pyxirr

    bought, sold = day(start), day(end)
    if bought >= sold:
        raise HubError("end must be after start", 400)
    if cost <= 0 or proceeds <= 0:
        raise HubError("cost and proceeds must be positive", 400)
    rate = found(pyxirr.xirr([bought, sold], [-cost, proceeds]), "return")
    return {"return_percent": digits(100 * float(rate), 6)}


# ---------------------------------------------------------------- StockArchive
stocks = Tool(
    "StockArchive",
    "Finance",
    "Daily prices of five large US shares from March 2000 to 1 March 2013, as they were traded.",
)


@lru_cache(maxsize=1)
def _quotes() -> dict[str, dict[str, list[Any]]]:
    out: dict[str, dict[str, list[Any]]] = {}
    for ticker, date, *values in sorted(table("stocks"), key=lambda row: (row[0], row[1])):
        out.setdefault(ticker, {})[date] = values
    return out


@lru_cache(maxsize=8)
def _sessions(ticker: str) -> list[str]:
    return list(_quotes()[ticker])


def _of(ticker: str) -> dict[str, list[Any]]:
    known: dict[str, list[Any]] = found(_quotes().get(ticker.upper()), f"share {ticker}")
    return known


@lru_cache(maxsize=128)
def _of_year(ticker: str, year: int) -> dict[str, list[Any]]:
    return {date: row for date, row in _of(ticker).items() if date.startswith(f"{year}-")}


@stocks.api(
    "Prices and volume of a share on a trading day.",
    {"ticker": takes("ticker", "AAPL"), "date": takes("date", "2012-09-19")},
    {
        "close": gives(
            "amount_usd",
            "the closing price in US dollars (not adjusted for splits) of {ticker} on {date}",
            ask="At what price in US dollars (not adjusted for splits) did {ticker} close on "
            "{date}?",
        ),
        "volume": gives("shares", "the number of shares of {ticker} traded on {date}"),
    },
)
def daily_quote(ticker: str, date: str) -> Response:
    row = found(_of(ticker).get(day(date).isoformat()), f"quote of {ticker} on {date}")
    keys = ("open", "high", "low", "close", "volume")
    return dict(zip(keys, row, strict=True))


@stocks.api(
    "The last closing price of a share on a date or before it.",
    {"ticker": takes("ticker", "MSFT"), "date": takes("date", "2010-07-04")},
    {
        "close": gives(
            "amount_usd",
            "the last closing price in US dollars (not adjusted for splits) of {ticker} on or "
            "before {date}",
        )
    },
)
def last_close(ticker: str, date: str) -> Response:
    known, sessions = _of(ticker), _sessions(ticker.upper())
    at = bisect_right(sessions, day(date).isoformat())
    if at == 0 or date > sessions[-1]:
        raise HubError(f"quotes of {ticker} are known from {sessions[0]} to {sessions[-1]}")
    return {"close": known[sessions[at - 1]][3], "date": sessions[at - 1]}


@stocks.api(
    "The highest and lowest closing price of a share in a year, with dates, and the change over "
    "the year.",
    {"ticker": takes("ticker", "IBM"), "year": takes("year_2000_2013", 2008)},
    {
        "high_date": gives(
            "date",
            "the date of the highest closing price (not adjusted for splits) of {ticker} in {year}",
            ask="On which date in {year} did {ticker} have its highest closing price (not "
            "adjusted for splits)?",
        ),
        "high": gives(
            "amount_usd",
            "the highest closing price in US dollars (not adjusted for splits) of {ticker} in "
            "{year}",
        ),
        "low_date": gives(
            "date",
            "the date of the lowest closing price (not adjusted for splits) of {ticker} in {year}",
            ask="On which date in {year} did {ticker} have its lowest closing price (not adjusted "
            "for splits)?",
        ),
        "low": gives(
            "amount_usd",
            "the lowest closing price in US dollars (not adjusted for splits) of {ticker} in "
            "{year}",
        ),
        "return_percent": gives(
            "percent",
            "the change in percent from the first to the last closing price (not adjusted for "
            "splits) of {ticker} in {year}",
        ),
    },
)
def year_summary(ticker: str, year: int) -> Response:
    rows = found(_of_year(ticker, year), f"quotes of {ticker} in {year}")
    closes = {date: row[3] for date, row in rows.items()}
    high = min(closes, key=lambda date: (-closes[date], date))
    low = min(closes, key=lambda date: (closes[date], date))
    first, *_, last = closes.values()
    return {
        "high_date": high,
        "high": closes[high],
        "low_date": low,
        "low": closes[low],
        "sessions": len(closes),
        "return_percent": round(100 * (last / first - 1), 3),
    }


@stocks.api(
    "The day of a year on which most shares of a company were traded.",
    {"ticker": takes("ticker", "GOOG"), "year": takes("year_2000_2013", 2010)},
    {
        "date": gives(
            "date",
            "the date in {year} on which the most shares of {ticker} were traded",
            ask="On which date in {year} were the most shares of {ticker} traded?",
        ),
        "volume": gives(
            "shares", "the largest number of shares of {ticker} traded on one day of {year}"
        ),
    },
)
def busiest_day(ticker: str, year: int) -> Response:
    rows = found(_of_year(ticker, year), f"quotes of {ticker} in {year}")
    date = min(rows, key=lambda date: (-rows[date][4], date))
    return {"date": date, "volume": rows[date][4], "close": rows[date][3]}


@stocks.api(
    "The day of a year on which a share's closing price rose most over the day before, in percent.",
    {"ticker": takes("ticker", "AAPL"), "year": takes("year_2000_2013", 2008)},
    {
        "date": gives(
            "date",
            "the date in {year} on which the closing price of {ticker} rose most, in percent, "
            "over the trading day before",
        ),
        "rise_percent": gives(
            "percent",
            "the largest rise, in percent, of the closing price of {ticker} from one trading day "
            "to the next in {year}",
        ),
    },
)
def best_day(ticker: str, year: int) -> Response:
    rows = list(found(_of_year(ticker, year), f"quotes of {ticker} in {year}").items())
    if len(rows) < 2:
        raise HubError(f"too few quotes of {ticker} in {year}")
    rises = [(rows[i][1][3] / rows[i - 1][1][3] - 1, rows[i][0]) for i in range(1, len(rows))]
    rise, date = max(rises, key=lambda each: (each[0], each[1]))
    return {"date": date, "rise_percent": round(100 * rise, 3)}


# ---------------------------------------------------------------- UsInflation
inflation = Tool(
    "UsInflation",
    "Finance",
    "The US consumer price index (CPI-U, all items, 1982-84 = 100) since 1913.",
)


@lru_cache(maxsize=1)
def _cpi() -> dict[tuple[int, int], float]:
    """The index by year and month; month 13 is the average of the year."""
    return {(year, int(period[1:])): value for year, period, value in table("us_cpi")}


def _yearly(year: int) -> float:
    value: float = found(_cpi().get((year, 13)), f"consumer price index of {year}")
    return value


@inflation.api(
    "The annual average of the US consumer price index.",
    {"year": takes("year_1913_2025", 1990)},
    {
        "index": gives(
            "index_points",
            "the annual average of the US consumer price index (CPI-U, 1982-84 = 100) of {year}",
            ask="How high was the annual average of the US consumer price index (CPI-U, 1982-84 = "
            "100) in {year}?",
        )
    },
)
def cpi_index(year: int) -> Response:
    return {"index": _yearly(year)}


@inflation.api(
    "The US consumer price index of a month, not seasonally adjusted.",
    {"month": takes("month_name", "July"), "year": takes("year_1913_2025", 2008)},
    {
        "index": gives(
            "index_points",
            "the US consumer price index (CPI-U, 1982-84 = 100, not seasonally adjusted) in "
            "{month} of {year}",
        )
    },
)
def cpi_month(month: str, year: int) -> Response:
    known = _cpi().get((year, MONTHS.index(month) + 1))
    return {"index": found(known, f"consumer price index of {month} {year}")}


@inflation.api(
    "What an amount of US dollars of one year is worth in dollars of another, by annual averages "
    "of the consumer price index.",
    {
        "amount": takes("amount_usd", 100),
        "from_year": takes("year_1913_2025", 1990),
        "to_year": takes("year_1913_2025", 2020),
    },
    {
        "result": gives(
            "amount_usd",
            "the number of US dollars of {to_year} that have the buying power that {amount} had "
            "in {from_year}, by annual averages of the US consumer price index",
            ask="How many US dollars of {to_year} have the buying power that {amount} had in "
            "{from_year}, by annual averages of the US consumer price index?",
        )
    },
)
def inflate(amount: float, from_year: int, to_year: int) -> Response:
    value = amount * _yearly(to_year) / _yearly(from_year)
    if value > LARGEST_RESULT:
        raise HubError("the result is too large", 400)
    return {"result": round(value, 2)}


@inflation.api(
    "The US inflation of a year: the change of the annual average of the consumer price index.",
    {"year": takes("year_1913_2025", 1980)},
    {
        "inflation_percent": gives(
            "percent",
            "the US consumer price inflation, in percent, of {year} (annual average over that of "
            "the year before)",
            ask="By how many percent did the annual average of the US consumer price index change "
            "in {year} over the year before?",
        )
    },
)
def inflation_rate(year: int) -> Response:
    return {"inflation_percent": round(100 * (_yearly(year) / _yearly(year - 1) - 1), 3)}


@inflation.api(
    "The first year in which US consumer prices were at least twice as high as in a given year.",
    {"year": takes("year_1913_2025", 1950)},
    {
        "doubled_by": gives(
            "year",
            "the first year in which US consumer prices (annual average) were at least twice as "
            "high as in {year}",
            ask="In which year were US consumer prices (annual average) for the first time at "
            "least twice as high as in {year}?",
        )
    },
)
def prices_doubled(year: int) -> Response:
    wanted = 2 * _yearly(year)
    years = sorted(y for y, month in _cpi() if month == 13 and y > year)
    reached = [y for y in years if _yearly(y) >= wanted]
    return {"doubled_by": found(reached, f"year in which prices were twice those of {year}")[0]}


# ---------------------------------------------------------------- MarketCalendar
markets = Tool(
    "MarketCalendar",
    "Finance",
    "On which days the world's stock exchanges are open.",
    ("holidays",),
)


@lru_cache(maxsize=2048)
def _closed(market: str, year: int) -> dict[dt.date, str]:
    """The days of a year, weekends not among them, on which an exchange is closed."""
    from holidays import financial_holidays

    if not 1950 <= year <= 2050:
        raise HubError(f"trading days are known for 1950 to 2050, not {year}")
    known = financial_holidays(market, years=year, expand=False, language="en_US")
    if not known:
        raise HubError(f"trading days of {market} in {year} not found")
    return {when: name for when, name in sorted(known.items()) if when.weekday() < 5}


def _open(market: str, date: dt.date) -> bool:
    return date.weekday() < 5 and date not in _closed(market, date.year)


@markets.api(
    "The days of a year on which a stock exchange is closed, weekends left out.",
    {"market": takes("market", "XNYS"), "year": takes("year_1999_2025", 2025)},
    {
        "count": gives(
            "count",
            "the number of days of {year}, Saturdays and Sundays left out, on which {market} is "
            "closed",
            ask="On how many days of {year}, Saturdays and Sundays left out, is {market} closed?",
        ),
        "dates": gives(
            "date[]",
            "the dates in {year}, Saturdays and Sundays left out, on which {market} is closed",
        ),
    },
)
def market_holidays(market: str, year: int) -> Response:
    closed = _closed(market, year)
    return {"count": len(closed), "dates": list(closed), "names": list(closed.values())}


@markets.api(
    "Whether a stock exchange is open on a date.",
    {"market": takes("market", "XLON"), "date": takes("date", "2025-05-05")},
    {
        "is_open": gives(
            "bool",
            "whether {market} is open on {date}",
            ask="Is {market} open on {date}?",
        )
    },
)
def is_open(market: str, date: str) -> Response:
    when = day(date)
    reason = _closed(market, when.year).get(when)
    if when.weekday() >= 5:
        reason = WEEKDAYS[when.weekday()]
    return {"is_open": reason is None, "reason": reason}


@markets.api(
    "The first trading day of a stock exchange after a date.",
    {"market": takes("market", "XNYS"), "date": takes("date", "2025-07-03")},
    {
        "date": gives(
            "date",
            "the first trading day of {market} after {date}",
        )
    },
)
def next_trading_day(market: str, date: str) -> Response:
    when = later(day(date), 1)
    for _ in range(30):
        if _open(market, when):
            return {"date": when}
        when = later(when, 1)
    raise HubError(f"no trading day of {market} found within 30 days after {date}")


@markets.api(
    "The last trading day of a stock exchange before a date.",
    {"market": takes("market", "XTSE"), "date": takes("date", "2025-07-02")},
    {
        "date": gives(
            "date",
            "the last trading day of {market} before {date}",
        )
    },
)
def previous_trading_day(market: str, date: str) -> Response:
    when = later(day(date), -1)
    for _ in range(30):
        if _open(market, when):
            return {"date": when}
        when = later(when, -1)
    raise HubError(f"no trading day of {market} found within 30 days before {date}")


@markets.api(
    "How many days of a month a stock exchange is open.",
    {
        "market": takes("market", "XHKG"),
        "month": takes("month_name", "October"),
        "year": takes("year_1999_2025", 2024),
    },
    {
        "count": gives(
            "count",
            "the number of days in {month} of {year} on which {market} is open",
            ask="On how many days in {month} of {year} is {market} open?",
        ),
        "last": gives("date", "the last trading day of {market} in {month} of {year}"),
    },
)
def trading_days(market: str, month: str, year: int) -> Response:
    start = dt.date(year, MONTHS.index(month) + 1, 1)
    days = [start + dt.timedelta(days=i) for i in range(31)]
    trading = [when for when in days if when.month == start.month and _open(market, when)]
    return {"count": len(trading), "first": trading[0], "last": trading[-1]}


# ---------------------------------------------------------------- entities
CURRENCIES: Final = {
    "AUD": "Australian dollar", "BGN": "Bulgarian lev", "BRL": "Brazilian real",
    "CAD": "Canadian dollar", "CHF": "Swiss franc", "CNY": "Chinese yuan", "CYP": "Cypriot pound",
    "CZK": "Czech koruna", "DKK": "Danish krone", "EEK": "Estonian kroon", "EUR": "euro",
    "GBP": "pound sterling", "HKD": "Hong Kong dollar", "HRK": "Croatian kuna",
    "HUF": "Hungarian forint", "IDR": "Indonesian rupiah", "ILS": "Israeli new shekel",
    "INR": "Indian rupee", "ISK": "Icelandic króna", "JPY": "Japanese yen",
    "KRW": "South Korean won", "LTL": "Lithuanian litas", "LVL": "Latvian lats",
    "MTL": "Maltese lira", "MXN": "Mexican peso", "MYR": "Malaysian ringgit",
    "NOK": "Norwegian krone", "NZD": "New Zealand dollar", "PHP": "Philippine peso",
    "PLN": "Polish złoty", "RON": "Romanian leu", "RUB": "Russian ruble", "SEK": "Swedish krona",
    "SGD": "Singapore dollar", "SIT": "Slovenian tolar", "SKK": "Slovak koruna",
    "THB": "Thai baht", "TRY": "Turkish lira", "USD": "US dollar", "ZAR": "South African rand",
}  # fmt: skip
OTHER_CURRENCIES: Final = {
    "AED": "United Arab Emirates dirham", "ARS": "Argentine peso", "BDT": "Bangladeshi taka",
    "CLP": "Chilean peso", "COP": "Colombian peso", "EGP": "Egyptian pound",
    "GEL": "Georgian lari", "GHS": "Ghanaian cedi", "KES": "Kenyan shilling",
    "KWD": "Kuwaiti dinar", "KZT": "Kazakhstani tenge", "LKR": "Sri Lankan rupee",
    "MAD": "Moroccan dirham", "MNT": "Mongolian tögrög", "NGN": "Nigerian naira",
    "PEN": "Peruvian sol", "PKR": "Pakistani rupee", "QAR": "Qatari riyal", "RSD": "Serbian dinar",
    "SAR": "Saudi riyal", "TND": "Tunisian dinar", "TWD": "New Taiwan dollar",
    "UAH": "Ukrainian hryvnia", "UYU": "Uruguayan peso", "VND": "Vietnamese đồng",
    "XAF": "Central African CFA franc", "XOF": "West African CFA franc",
}  # fmt: skip
_AMOUNTS: Final = (
    25, 40, 49.5, 60, 75, 80, 90, 99.9, 100, 110, 120, 125, 149.5, 150, 160, 175, 180, 199, 200,
    220, 240, 250, 275, 300, 320, 350, 375, 400, 425, 450, 480, 500, 550, 600, 640, 650, 700, 725,
    750, 800, 850, 900, 950, 999, 1000, 1100, 1200, 1250, 1400, 1500, 1600, 1750, 1800, 1975,
    2000, 2200, 2400, 2500, 2750, 3000, 3200, 3500, 3600, 4000, 4200, 4500, 4800, 5000, 5500,
    6000, 6500, 7000, 7500, 8000, 9000, 10_000, 12_000, 12_500, 15_000, 18_000, 20_000, 24_000,
    25_000, 30_000, 35_000, 40_000, 45_000, 50_000, 60_000, 75_000, 80_000, 100_000, 120_000,
    150_000, 180_000, 200_000, 250_000, 300_000, 350_000, 400_000, 500_000, 750_000, 1_000_000,
)  # fmt: skip


def _currency_words(code: str) -> list[str]:
    name = CURRENCIES.get(code) or OTHER_CURRENCIES.get(code) or f"currency {code}"
    return [f"the {name}", f"the {name} ({code})"]


def _currency_names(code: str) -> list[str]:
    name = CURRENCIES.get(code) or OTHER_CURRENCIES.get(code)
    return [name, f"{name} ({code})"] if name else []


def _cash_flows() -> list[str]:
    out = []
    for i in range(40):
        cost = 800 + 250 * i
        years = 2 + i % 4
        incomes = [round(cost * (60 + 7 * ((i * 5 + j * 3) % 11)) / 100 / years, -1) * 1.3
                   for j in range(years)]  # fmt: skip
        out.append(", ".join(f"{value:.0f}" for value in (-cost, *incomes)))
    return out


entities(
    "currency_code",
    lambda: list(CURRENCIES),
    says=_currency_words,
    aliases=_currency_names,
)
entities("amount", lambda: _AMOUNTS, says=lambda v: (f"{v:,}",))
entities("amount_usd", lambda: _AMOUNTS, says=lambda v: (f"${v:,}", f"{v:,} US dollars"))
entities("interest_percent", lambda: [i / 4 for i in range(2, 49)], says=lambda v: (f"{v:g}",))
entities("loan_years", lambda: range(2, 41))
entities("cash_flows", _cash_flows)
entities(
    "ticker",
    lambda: list(TICKERS),
    says=lambda v: (TICKERS.get(v, v),),
    aliases=lambda v: (TICKERS.get(v, v), TICKERS.get(v, v).partition(" (")[0]),
)
entities(
    "market", lambda: list(MARKETS), says=lambda v: (MARKETS[v],), aliases=lambda v: (MARKETS[v],)
)
entities("year_1999_2025", lambda: range(1999, 2026))
entities("year_2000_2013", lambda: range(2000, 2014))
entities("year_1913_2025", lambda: range(1914, 2026))
