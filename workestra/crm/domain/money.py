"""Prices: typed as a decimal number, stored in the currency's minor unit (ISO 4217)."""

import re
from typing import Final

MAX_MINOR: Final = 2_147_483_647

# ISO 4217 list one, without funds, metals and testing codes. https://www.six-group.com/en/products-services/financial-information/data-standards.html
_TWO_DIGITS = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP "
    "CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES "
    "KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK "
    "NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SYP SZL THB TJS "
    "TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
_NO_DIGITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND"

DIGITS: Final = {
    code: digits
    for codes, digits in ((_TWO_DIGITS, 2), (_NO_DIGITS, 0), (_THREE_DIGITS, 3))
    for code in codes.split()
}

_AMOUNT = re.compile(r"(\d{1,12})(?:[.,](\d{1,4}))?", re.ASCII)


def minor_units(text: str, currency: str) -> int:
    """4900 for "49.00" EUR, 500 for "500" JPY. Raises ValueError with a message for people."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise ValueError("Write the price as a number, such as 49.00.")
    digits = DIGITS[currency]
    fraction = match[2] or ""
    if len(fraction) > digits and fraction[digits:].strip("0"):
        raise ValueError(f"{currency} has {digits or 'no'} digits after the point.")
    amount = int(match[1] + fraction[:digits].ljust(digits, "0"))
    if amount > MAX_MINOR:
        raise ValueError("That is more than a booking can cost here.")
    return amount


def amount_text(minor: int, currency: str) -> str:
    """ "49.00" for 4900 EUR; a currency that is not known counts as one with two digits."""
    digits = DIGITS.get(currency, 2)
    if not digits:
        return str(minor)
    whole, fraction = divmod(minor, 10**digits)
    return f"{whole}.{fraction:0{digits}}"
