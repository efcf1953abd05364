"""Cybersecurity: IP networks, hardware addresses, domains, ports, user agents, passwords."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, collapse_addresses, ip_address
from math import log2
from typing import Any, Final

from ..entities import entities
from ..pack import table
from ..registry import HubError, Tool, found, gives, takes
from ..types import measure, sem
from .location import Response

# RFC 6890 and the registries that it set up, the narrower blocks first.
SPECIAL_BLOCKS: Final = (
    ("255.255.255.255/32", "limited broadcast"),
    ("192.0.2.0/24", "documentation"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("192.168.0.0/16", "private use"),
    ("169.254.0.0/16", "link-local"),
    ("198.18.0.0/15", "benchmarking"),
    ("172.16.0.0/12", "private use"),
    ("100.64.0.0/10", "shared address space"),
    ("10.0.0.0/8", "private use"),
    ("127.0.0.0/8", "loopback"),
    ("0.0.0.0/8", "this network"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
)
PORTS: Final = {
    "AMQP": 5672, "BGP": 179, "CoAP": 5683, "Daytime": 13, "DNS": 53, "DNS over TLS": 853,
    "Echo": 7, "Finger": 79, "FTP": 21, "FTPS": 990, "Git": 9418, "Gopher": 70, "HTTP": 80,
    "HTTPS": 443, "IMAP": 143, "IMAPS": 993, "IPP": 631, "iSCSI": 3260, "Kerberos": 88,
    "L2TP": 1701, "LDAP": 389, "LDAPS": 636, "LPD": 515, "mDNS": 5353,
    "Microsoft SQL Server": 1433, "MQTT": 1883, "MQTT over TLS": 8883, "MySQL": 3306,
    "NETCONF over SSH": 830, "NFS": 2049, "NNTP": 119, "NTP": 123, "OpenVPN": 1194, "POP3": 110,
    "POP3S": 995, "PostgreSQL": 5432, "PPTP": 1723, "RADIUS": 1812, "RDP": 3389, "Rlogin": 513,
    "rsync": 873, "RTSP": 554, "SIP": 5060, "SMB": 445, "SMTP": 25, "SNMP": 161, "SOCKS": 1080,
    "SSH": 22, "STUN": 3478, "Subversion": 3690, "Syslog": 514, "Telnet": 23, "TFTP": 69,
    "VNC": 5900, "WHOIS": 43, "XMPP": 5222,
}  # fmt: skip
# Classes of the characters of a password, and how many characters they have.
CLASSES: Final = (("[a-z]", 26), ("[A-Z]", 26), ("[0-9]", 10), ("[^a-zA-Z0-9]", 33))

sem("cidr", about="IPv4 network as address/prefix, as 192.168.0.0/22", high=20)
sem("cidr_set", about="IPv4 networks with commas between them, as 10.0.0.0/25, 10.0.0.128/25",
    high=400)  # fmt: skip
sem("ip", about="IP address, as 193.0.6.139 or 2001:db8::1", high=45)
sem("mac", about="MAC address of 12 hexadecimal digits, as 00-1B-63-84-45-E6", high=17)
sem("prefix_length", kind="integer", about="length of a network's prefix in bits, 1 to 32", low=1,
    high=32, compare="number", tolerance=0)  # fmt: skip
sem("idn_domain", about="domain name with letters beyond ASCII, as münchen.de", high=120,
    wider="domain")  # fmt: skip
sem("ascii_domain", about="domain name in Punycode, as xn--mnchen-3ya.de", high=120,
    wider="domain")  # fmt: skip
sem("tld", about="top-level domain of a country, as .pt", high=4)
sem("user_agent", about="User-Agent header of a browser", high=300)
sem("password", about="password of at most 16 characters", high=16)
sem("service", about="network service", choices=tuple(PORTS), compare="name")
sem("port", kind="integer", about="number of a TCP or UDP port", low=1, high=65535,
    wider="integer", compare="number", tolerance=0)  # fmt: skip
measure("score", "score from 0 to 4", 0, 4, kind="integer", tolerance=0)
measure("bits", "bits", 0, 1e4)

# ---------------------------------------------------------------- IpTools
ips = Tool("IpTools", "Cybersecurity", "IPv4 networks and IP addresses: a subnet calculator.")


def _network(text: str) -> IPv4Network:
    try:
        return IPv4Network(text, strict=False)
    except ValueError:
        raise HubError(f"{text} is not an IPv4 network as 192.168.0.0/22", 400) from None


def _address(text: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(text)
    except ValueError:
        raise HubError(f"{text} is not an IP address", 400) from None


def _address4(text: str) -> IPv4Address:
    address = _address(text)
    if not isinstance(address, IPv4Address):
        raise HubError(f"{text} is not an IPv4 address", 400)
    return address


@ips.api(
    "Describe an IPv4 network: hosts, netmask, broadcast address, first and last host.",
    {"cidr": takes("cidr", "192.168.0.0/22")},
    {
        "usable_hosts": gives(
            "count",
            "the number of usable host addresses in {cidr}",
            ask="How many usable host addresses does {cidr} have?",
        ),
        "broadcast": gives("ip", "the broadcast address of {cidr}"),
        "netmask": gives("text", "the netmask of {cidr} in dotted decimal notation"),
        "first_host": gives("ip", "the first usable host address of {cidr}"),
        "last_host": gives("ip", "the last usable host address of {cidr}"),
    },
)
def subnet(cidr: str) -> Response:
    network = _network(cidr)
    inner = 1 if network.prefixlen < 31 else 0
    return {
        "network": str(network),
        "netmask": str(network.netmask),
        "wildcard": str(network.hostmask),
        "broadcast": str(network.broadcast_address),
        "first_host": str(network.network_address + inner),
        "last_host": str(network.broadcast_address - inner),
        "usable_hosts": network.num_addresses - 2 * inner,
    }


@ips.api(
    "The IPv4 network of a prefix length that an address lies in.",
    {"ip": takes("ip", "193.0.6.139"), "prefix_length": takes("prefix_length", 21)},
    {
        "network": gives(
            "cidr",
            "the {prefix_length} network that contains {ip}, in CIDR notation",
            "the {prefix_length} network, in CIDR notation, that {ip} lies in",
        ),
    },
)
def network_of(ip: str, prefix_length: int) -> Response:
    network = IPv4Network((_address4(ip), prefix_length), strict=False)
    return {"network": str(network), "addresses": network.num_addresses}


@ips.api(
    "Merge IPv4 networks into as few as possible.",
    {"cidrs": takes("cidr_set", "10.0.0.0/25, 10.0.0.128/25, 10.0.1.0/24")},
    {
        "count": gives(
            "count",
            "the number of CIDR blocks that are left when {cidrs} are merged into as few as "
            "possible",
            ask="How many CIDR blocks are left when {cidrs} are merged into as few as possible?",
        ),
        "first": gives(
            "cidr",
            "the lowest CIDR block that is left when {cidrs} are merged into as few as possible",
        ),
    },
)
def merge(cidrs: str) -> Response:
    networks = [_network(each.strip()) for each in cidrs.split(",")]
    merged = [str(each) for each in collapse_addresses(networks)]
    return {"count": len(merged), "first": merged[0], "merged": merged}


@ips.api(
    "What an IP address is used for (RFC 6890), and its name for reverse DNS.",
    {"ip": takes("ip", "192.168.1.20")},
    {
        "use": gives(
            "text",
            "the use (private, loopback, multicast, documentation, global ..) of {ip} by RFC 6890",
            ask="What is {ip} used for by RFC 6890 (private, loopback, multicast, documentation, "
            "global ..)?",
        ),
        "reverse_name": gives(
            "text",
            "the full domain name for reverse DNS look-ups of {ip}",
        ),
    },
)
def ip_info(ip: str) -> Response:
    address = _address(ip)
    return {
        "version": address.version,
        "use": _use(address),
        "reverse_name": address.reverse_pointer,
        "full": address.exploded,
    }


@lru_cache(maxsize=1)
def _special() -> list[tuple[IPv4Network, str]]:
    return [(IPv4Network(block), use) for block, use in SPECIAL_BLOCKS]


def _use(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv4Address):
        return next((use for block, use in _special() if address in block), "global")
    if address.is_loopback:
        return "loopback"
    first = int(address) >> 112
    if first >> 8 == 0xFF:
        return "multicast"
    if first >> 6 == 0xFE80 >> 6:
        return "link-local"
    if first >> 9 == 0xFC00 >> 9:
        return "private use"
    return "documentation" if int(address) >> 96 == 0x20010DB8 else "global"


@ips.api(
    "An IPv4 address as one whole number, as it stands in a packet.",
    {"ip": takes("ip", "8.8.8.8")},
    {
        "number": gives(
            "integer",
            "the whole number that the 32 bits of {ip} make",
            ask="Which whole number do the 32 bits of {ip} make?",
        )
    },
)
def ip_to_number(ip: str) -> Response:
    address = _address4(ip)
    return {"number": int(address), "hexadecimal": f"{int(address):08x}"}


@ips.api(
    "How many networks of a prefix length fit into an IPv4 network.",
    {"cidr": takes("cidr", "10.0.0.0/8"), "prefix_length": takes("prefix_length", 24)},
    {
        "count": gives(
            "count",
            "the number of {prefix_length} networks that fit into {cidr}",
            ask="How many {prefix_length} networks fit into {cidr}?",
        )
    },
)
def count_subnets(cidr: str, prefix_length: int) -> Response:
    network = _network(cidr)
    if prefix_length < network.prefixlen:
        raise HubError(f"a /{prefix_length} network is larger than {network}", 400)
    return {"count": 2 ** (prefix_length - network.prefixlen), "network": str(network)}


# ---------------------------------------------------------------- MacAddresses
macs = Tool("MacAddresses", "Cybersecurity", "Hardware (MAC) addresses and who made the device.")


def _hex(mac: str) -> str:
    """The 12 digits of a MAC address, in upper case."""
    digits = re.sub("[:. -]", "", mac).upper()
    if not re.fullmatch("[0-9A-F]{12}", digits):
        raise HubError(f"{mac} is not a MAC address as 00-1B-63-84-45-E6", 400)
    return digits


@lru_cache(maxsize=1)
def _registered() -> dict[str, tuple[dict[str, str], list[Any]]]:
    """By the first six digits: the owner, and the smaller blocks within."""
    from stdnum import numdb

    out = {}
    for length, low, high, owner, inner in numdb.get("oui").prefixes:
        for number in range(int(low, 16), int(high, 16) + 1):
            out[f"{number:0{length}X}"] = (owner, inner)
    return out


def _maker(digits: str) -> str | None:
    owner, inner = _registered().get(digits[:6], ({}, []))
    for length, low, high, smaller, _ in inner:
        if low <= digits[6 : 6 + length] <= high:
            owner = smaller
    name = owner.get("o")
    return name.replace("%", '"') if name else None


@macs.api(
    "The company that the IEEE has assigned the prefix of a MAC address to.",
    {"mac": takes("mac", "00-1B-63-84-45-E6")},
    {
        "vendor": gives(
            "text",
            "the company to which the IEEE has assigned the prefix of {mac}",
            "the owner of the prefix of {mac} in the IEEE's register",
            ask="To which company has the IEEE assigned the prefix of {mac}?",
        )
    },
    libs=("stdnum",),
)
def mac_vendor(mac: str) -> Response:
    digits = _hex(mac)
    return {"vendor": found(_maker(digits), f"owner of {digits[:6]}"), "oui": digits[:6]}


@macs.api(
    "Kind of a MAC address (unicast or multicast, universal or local), and the IPv6 link-local "
    "address that a device makes of it (modified EUI-64).",
    {"mac": takes("mac", "00-1B-63-84-45-E6")},
    {
        "link_local": gives(
            "ip",
            "the IPv6 link-local address that modified EUI-64 makes of {mac}",
        )
    },
)
def mac_info(mac: str) -> Response:
    digits = _hex(mac)
    number = int(digits, 16)
    flipped = number ^ (0x02 << 40)
    inner = (flipped >> 24) << 40 | 0xFFFE << 24 | flipped & 0xFFFFFF
    return {
        "mac": "-".join(digits[i : i + 2] for i in range(0, 12, 2)),
        "cast": "multicast" if number >> 40 & 1 else "unicast",
        "administered": "local" if number >> 41 & 1 else "universal",
        "link_local": str(IPv6Address(0xFE80 << 112 | inner)),
    }


# ---------------------------------------------------------------- IanaRegistry
iana = Tool(
    "IanaRegistry",
    "Cybersecurity",
    "Registers of the IANA and the IEEE of addresses.",
    ("netaddr",),
)


@iana.api(
    "The registry or organization that the IANA has given the /8 block of an IPv4 address to.",
    {"ip": takes("ip", "193.0.6.139")},
    {
        "registry": gives(
            "text",
            "the designation of the /8 block of {ip} in the IANA's IPv4 register",
            ask="To whom does the IANA's IPv4 register assign the /8 block of {ip}?",
        )
    },
)
def ip_registry(ip: str) -> Response:
    from netaddr import IPAddress

    known = found(getattr(IPAddress(str(_address4(ip))).info, "IPv4", None), f"block of {ip}")
    return {key: known[0][key] for key in ("prefix", "status", "date")} | {
        "registry": known[0]["designation"]
    }


@iana.api(
    "The company in the IEEE's register of hardware address prefixes (OUI).",
    {"mac": takes("mac", "00-1B-63-84-45-E6")},
    {
        "vendor": gives(
            "text",
            "the company to which the IEEE has assigned the prefix of {mac}",
            "the owner of the prefix of {mac} in the IEEE's register",
        )
    },
)
def oui_vendor(mac: str) -> Response:
    from netaddr import EUI, NotRegisteredError

    digits = _hex(mac)
    try:
        return {"vendor": EUI(digits).oui.registration().org, "oui": digits[:6]}
    except NotRegisteredError:
        raise HubError(f"owner of {digits[:6]} not found") from None


# ---------------------------------------------------------------- DomainTools
domains = Tool("DomainTools", "Cybersecurity", "Parts and forms of internet domain names.")


@lru_cache(maxsize=1)
def _suffixes() -> Any:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


@domains.api(
    "Registrable domain and public suffix of a domain name.",
    {"domain": takes("domain", "www.maps.example.co.uk")},
    {
        "registrable": gives(
            "domain",
            "the registrable domain of {domain}",
            ask="Under which registrable domain is {domain}?",
        ),
        "suffix": gives("text", "the public suffix of {domain}"),
    },
    libs=("publicsuffixlist",),
)
def split_domain(domain: str) -> Response:
    name = domain.lower().rstrip(".")
    return {
        "registrable": found(_suffixes().privatesuffix(name), f"registrable domain of {domain}"),
        "suffix": _suffixes().publicsuffix(name),
        "labels": name.count(".") + 1,
    }


@domains.api(
    "The ASCII form (Punycode) of an internationalised domain name.",
    {"domain": takes("idn_domain", "münchen.de")},
    {
        "ascii": gives(
            "ascii_domain",
            "the ASCII form (Punycode) of {domain}",
            ask="What is {domain} in Punycode?",
        )
    },
    libs=("idna",),
)
def punycode(domain: str) -> Response:
    import idna

    return {"ascii": idna.encode(domain, uts46=True).decode()}


@domains.api(
    "The Unicode form of a domain name in Punycode.",
    {"domain": takes("ascii_domain", "xn--mnchen-3ya.de")},
    {"unicode": gives("idn_domain", "the Unicode form of {domain}")},
    libs=("idna",),
)
def from_punycode(domain: str) -> Response:
    import idna

    return {"unicode": idna.decode(domain)}


@lru_cache(maxsize=1)
def _countries_by_tld() -> dict[str, str]:
    rows = [row for row in table("countries") if row[11] and row[0] not in ("AN", "CS")]
    own = {row[11]: row[0] for row in rows if row[11] == f".{row[0].lower()}"}
    return {**{row[11]: row[0] for row in reversed(rows)}, **own}


@domains.api(
    "The country of a domain name, by its top-level domain.",
    {"domain": takes("domain", "www.u-tokyo.ac.jp")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country that the top-level domain of {domain} stands for",
            entity="the country that the top-level domain of {domain} stands for",
        )
    },
)
def country_of_domain(domain: str) -> Response:
    tld = f".{domain.lower().rstrip('.').rpartition('.')[2]}"
    return {"tld": tld, "country_code": found(_countries_by_tld().get(tld), f"country of {tld}")}


@domains.api(
    "The top-level domain of a country.",
    {"country_code": takes("country_code", "GB")},
    {
        "tld": gives(
            "tld",
            "the internet top-level domain of {country_code}",
            "the country-code top-level domain (as .xx) of {country_code}",
        )
    },
)
def tld_of_country(country_code: str) -> Response:
    row = next((r for r in table("countries") if r[0] == country_code.upper()), None)
    return {"tld": found(found(row, f"country {country_code}")[11], f"domain of {country_code}")}


# ---------------------------------------------------------------- NetworkPorts
ports = Tool("NetworkPorts", "Cybersecurity", "The IANA's port numbers of network services.")


@ports.api(
    "The port number that the IANA has registered for a service.",
    {"service": takes("service", "PostgreSQL")},
    {
        "port": gives(
            "port",
            "the standard port number of {service}",
            ask="On which port does {service} run by default?",
        )
    },
)
def port_of_service(service: str) -> Response:
    return {"port": PORTS[service]}


@ports.api(
    "The service that the IANA has registered for a port number.",
    {"port": takes("port", 5432)},
    {
        "service": gives(
            "service",
            "the network service that has the standard port {port}",
            ask="Which network service has the standard port {port}?",
        )
    },
)
def service_of_port(port: int) -> Response:
    services = [service for service, number in PORTS.items() if number == port]
    return {"service": found(services, f"service on port {port}")[0]}


# ---------------------------------------------------------------- UserAgents
agents = Tool(
    "UserAgents",
    "Cybersecurity",
    "What a User-Agent header tells.",
    ("ua_parser", "ua_parser_builtins"),
)


@agents.api(
    "Browser, operating system and device of a User-Agent header.",
    {
        "user_agent": takes(
            "user_agent",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, "
            "like Gecko) Version/17.2 Mobile/15E148 Safari/604.1",
        )
    },
    {
        "browser": gives(
            "text",
            "the browser or client program, without its version, of {user_agent}",
            ask="Which browser or client program sent {user_agent}?",
        ),
        "browser_major": gives(
            "text",
            "the major version number of the browser that sent {user_agent}",
        ),
        "os": gives(
            "text",
            "the operating system, without its version, of the device that sent {user_agent}",
            ask="Which operating system (without its version) ran on the device that sent "
            "{user_agent}?",
        ),
    },
)
@lru_cache(maxsize=1024)
def parse_user_agent(user_agent: str) -> Response:
    import ua_parser

    known = ua_parser.parse(user_agent).with_defaults()
    return {
        "browser": known.user_agent.family,
        "browser_major": known.user_agent.major,
        "os": known.os.family,
        "os_major": known.os.major,
        "device": known.device.family,
        "brand": known.device.brand,
    }


# ---------------------------------------------------------------- Passwords
passwords = Tool("Passwords", "Cybersecurity", "How hard passwords are to guess.")


@passwords.api(
    "Strength of a password by the zxcvbn estimate: words, names, dates and patterns count.",
    {"password": takes("password", "correcthorse1")},
    {
        "score": gives(
            "score",
            "the zxcvbn score, from 0 to 4, of {password}",
            ask="Which zxcvbn score, from 0 (weak) to 4 (strong), has {password}?",
        ),
        "guesses_log10": gives(
            "number",
            "the base-10 logarithm of the number of guesses that zxcvbn estimates for {password}",
        ),
    },
    libs=("zxcvbn",),
)
@lru_cache(maxsize=1024)
def password_strength(password: str) -> Response:
    from zxcvbn import zxcvbn

    known = zxcvbn(password)
    return {
        "score": known["score"],
        "guesses_log10": round(float(known["guesses_log10"]), 3),
        "crack_time": known["crack_times_display"]["offline_slow_hashing_1e4_per_second"],
        "warning": known["feedback"]["warning"],
    }


@passwords.api(
    "Entropy of a password, had all its characters been drawn at random from the classes (small "
    "letters 26, capitals 26, digits 10, others 33) that it has characters of.",
    {"password": takes("password", "Tr0ub4dor&3")},
    {
        "bits": gives(
            "bits",
            "the entropy in bits of {password}, had its characters been drawn at random from the "
            "classes (26 small letters, 26 capitals, 10 digits, 33 others) that occur in it",
        )
    },
)
def password_entropy(password: str) -> Response:
    pool = sum(size for pattern, size in CLASSES if re.search(pattern, password))
    return {"bits": round(len(password) * log2(pool), 2), "length": len(password), "pool": pool}


# ---------------------------------------------------------------- entities
DOMAINS: Final = (
    "www.bbc.co.uk", "www.u-tokyo.ac.jp", "www.kyoto-u.ac.jp",
    "news.abc.net.au", "www.unimelb.edu.au",
    "www.uol.com.br", "www.usp.br", "www.lemonde.fr", "www.spiegel.de", "www.elpais.com",
    "en.wikipedia.org", "docs.python.org", "www.uct.ac.za", "www.iitb.ac.in", "www.nzherald.co.nz",
    "www.otago.ac.nz", "www.naver.com", "www.snu.ac.kr", "www.tsinghua.edu.cn", "www.cam.ac.uk",
    "www.clarin.com.ar", "www.unam.mx", "www.ethz.ch", "www.uio.no", "www.dn.se", "www.helsinki.fi",
    "www.onet.pl", "www.huji.ac.il", "www.nus.edu.sg", "www.hku.hk", "www.ntu.edu.tw",
    "www.ku.edu.np", "www.city.kobe.jp", "news.ycombinator.com", "www.uonbi.ac.ke",
    "www.kuleuven.be",
    "www.repubblica.it", "www.uva.nl", "www.univie.ac.at", "www.publico.pt", "www.cuni.cz",
    "www.elte.hu", "www.auth.gr", "www.metu.edu.tr", "www.uchile.cl", "www.unal.edu.co",
    "www.pucp.edu.pe", "www.chula.ac.th", "www.vnu.edu.vn", "www.ui.ac.id", "www.um.edu.my",
    "www.up.edu.ph", "www.lums.edu.pk", "www.du.ac.bd", "www.cmb.ac.lk", "www.cu.edu.eg",
    "www.uaeu.ac.ae", "www.ksu.edu.sa", "www.ug.edu.gh", "www.unilag.edu.ng", "www.mak.ac.ug",
    "www.ut.ee", "www.lu.lv", "www.vu.lt", "www.hi.is", "www.tcd.ie", "www.ku.dk", "www.unibuc.ro",
    "www.uni-lj.si", "www.unizg.hr", "www.ubc.ca", "www.ucr.ac.cr",
)  # fmt: skip
IDN_DOMAINS: Final = (
    "münchen.de", "köln.de", "düsseldorf.de", "nürnberg.de", "zürich.ch", "genève.ch", "öbb.at",
    "kärnten.at", "café.fr", "château.fr", "forêt.fr", "españa.es", "cigüeña.es", "coração.pt",
    "malmö.se", "göteborg.se", "århus.dk", "ålborg.dk", "tromsø.no", "ålesund.no", "jyväskylä.fi",
    "łódź.pl", "kraków.pl", "žilina.sk", "plzeň.cz", "győr.hu", "pécs.hu", "türkiye.com.tr",
    "ελλάδα.gr", "αθήνα.gr", "москва.рф", "пример.рф", "київ.укр", "東京.jp", "日本語.jp",
    "例え.jp",
    "北京.中国", "한국.kr", "서울.kr",
)  # fmt: skip
OUIS: Final = (
    "000393", "7C296F", "00000C", "0012F0", "0000F0", "0002A5", "441EA1", "00065B", "74E6E2",
    "0403D6", "9458CB", "00014A", "3C01EF", "0003FF", "001A11", "88541F", "007147", "7070AA",
    "001882", "7CA23E", "28CDC1", "DCA632", "B827EB", "000569", "001C14", "003126", "84262B",
    "001267", "00095B", "6CB0CE", "000C6E", "3C7C3F", "009EC8", "000255", "00215E", "001788",
    "ECB5FA", "0C298F", "001BA9", "0001E3", "000585", "7819F7", "000D88", "00265A", "00156D",
    "784558", "001237", "84F3EB", "00000E", "742B62", "0000AA", "000C8A", "60ABD2", "105932",
    "000E58", "74CA60", "044169", "D43260", "58A87B", "C8B6FE", "488EB7", "000AF7", "8CF112",
    "000AEB", "78A106", "00054F", "0001A9", "00044B", "00007D", "00144F",
)  # fmt: skip
ADDRESSES: Final = (
    "8.8.8.8", "8.8.4.4", "1.1.1.1", "9.9.9.9", "193.0.6.139", "208.67.222.222", "140.82.121.4",
    "151.101.1.69", "104.16.132.229", "17.253.144.10", "31.13.71.36", "142.250.72.14",
    "129.132.19.216", "130.192.3.21", "133.11.205.164", "137.189.11.73", "143.107.58.20",
    "196.25.1.1", "200.160.2.3", "202.12.29.142", "203.119.101.61", "212.58.244.22",
    "91.198.174.192",
    "185.15.59.224", "80.67.169.12", "77.88.8.8", "61.135.169.121", "101.6.4.100", "41.231.21.44",
    "45.33.32.156", "10.0.0.1", "10.1.2.3", "10.20.30.40", "10.64.8.9", "10.127.255.17",
    "10.200.100.50", "172.16.0.5", "172.16.254.1", "172.20.10.3", "172.31.255.200", "192.168.0.1",
    "192.168.1.20", "192.168.1.254", "192.168.44.8", "192.168.100.77", "127.0.0.1", "127.0.53.53",
    "169.254.169.254", "169.254.10.20", "100.64.0.7", "100.100.50.3", "192.0.2.44", "198.51.100.7",
    "203.0.113.99", "198.18.4.4", "224.0.0.251", "239.255.255.250", "240.0.0.9", "255.255.255.255",
)  # fmt: skip
NETWORKS: Final = (
    "10.0.0.0/8", "10.0.0.0/9", "10.0.0.0/14", "10.1.0.0/16", "10.1.2.0/23", "10.20.0.0/17",
    "10.20.30.0/24", "10.64.0.0/12", "10.128.0.0/10", "10.200.96.0/19", "10.240.16.0/20",
    "172.16.0.0/12", "172.16.0.0/16", "172.16.254.0/28", "172.20.8.0/21", "172.24.0.0/13",
    "172.31.128.0/18", "192.168.0.0/16", "192.168.0.0/22", "192.168.1.0/24", "192.168.1.128/25",
    "192.168.1.192/26", "192.168.10.32/27", "192.168.44.0/29", "192.168.100.64/30",
    "192.168.128.0/17", "100.64.0.0/10", "198.18.0.0/15", "203.0.113.0/24", "203.0.113.128/27",
    "198.51.100.0/25", "192.0.2.64/26", "193.0.0.0/21", "8.8.8.0/24", "17.0.0.0/8", "44.0.0.0/10",
    "130.192.0.0/16", "141.0.0.0/11", "185.15.56.0/22", "91.198.174.0/24",
)  # fmt: skip
USER_AGENTS: Final = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/17.2 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/16.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/120.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/119.0.0.0 Safari/537.36 OPR/105.0.0.0",
    "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.1 Safari/605.1.15",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:120.0) Gecko/20100101 Firefox/120.0",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/118.0.0.0 "
    "Safari/537.36",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/120.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 13; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) "
    "SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Android 13; Mobile; rv:121.0) Gecko/121.0 Firefox/121.0",
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/119.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 9; KFTRWI) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Silk/108.4.6 like Chrome/108.0.5359.220 Safari/537.36",
    "Mozilla/5.0 (Windows NT 6.3; Win64; x64; rv:102.0) Gecko/20100101 Firefox/102.0",
    "Mozilla/5.0 (Windows NT 5.1; rv:52.0) Gecko/20100101 Firefox/52.0",
    "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)",
    "Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 15_8 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) CriOS/120.0.6099.119 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 14_8 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) FxiOS/39.0 Mobile/15E148 Safari/605.1.15",
    "Mozilla/5.0 (X11; Fedora; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
    "Mozilla/5.0 (Linux; Android 10; HLK-AL00) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/104.0.5112.102 Mobile Safari/537.36 EdgA/104.0.1293.70",
    "Mozilla/5.0 (Linux; Tizen 6.0; SMART-TV) AppleWebKit/537.36 (KHTML, like Gecko) "
    "SamsungBrowser/4.0 Chrome/76.0.3809.146 TV Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:109.0) Gecko/20100101 Firefox/113.0",
    "Mozilla/5.0 (Windows NT 6.1; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/109.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 12; Pixel 6 Pro) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/101.0.4951.41 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 11; SM-A515F) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/96.0.4664.45 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 13_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/13.1.1 Mobile/15E148 Safari/604.1",
)  # fmt: skip
PASSWORDS: Final = (
    "password1", "letmein", "qwerty123", "correcthorse1", "Tr0ub4dor&3", "iloveyou", "Summer2019!",
    "zxcvbn", "abc123", "monkey7", "p@ssw0rd", "dragonfly42", "trustno1", "Barcelona10", "hunter2",
    "x9#Lq2!vT", "mN7$kP4w", "sunflower", "Winter1999", "jennifer77", "s3cr3tk3y", "blue-guitar-9",
    "aaaaaaaa", "12345678", "1qaz2wsx", "michelangelo", "K8vX!q3Zr0", "admin2020", "starwars!",
    "coffee&cake", "UlanBator1924", "rainbow_trout", "9d4fTz", "thequickbrown", "Mississippi4",
    "qazwsxedc", "football99", "N0tEasy2Guess", "lemon-tree-7", "purple!Monkey",
)  # fmt: skip


def _macs() -> Iterable[str]:
    """One address a prefix."""
    for i, oui in enumerate(OUIS):
        digits = f"{oui}{(0x1A2B3C + i * 0x02F1D7) % 0x1000000:06X}"
        yield "-".join(digits[j : j + 2] for j in range(0, 12, 2))


def _ascii_domains() -> list[str]:
    import idna

    return [idna.encode(domain, uts46=True).decode() for domain in IDN_DOMAINS]


def _network_sets() -> list[str]:
    """Sets of three to five neighbouring networks, some of which make a larger one."""
    out = []
    for i in range(40):
        base = f"10.{8 + i}"
        start = 2 * (i % 3) + i % 2
        blocks = [f"{base}.{start + j}.0/24" for j in range(2 + i % 3)]
        halves = [f"{base}.{start + 2 + i % 3}.{h}/25" for h in ((0, 128) if i % 4 else (0,))]
        out.append(", ".join([*blocks, *halves]))
    return out


entities("cidr", lambda: NETWORKS, says=lambda v: (f"the CIDR block {v}", f"the network {v}"))
entities("cidr_set", _network_sets, says=lambda v: (f"the networks {v}",))
entities("ip", lambda: ADDRESSES, says=lambda v: (f"the IP address {v}",))
entities("mac", lambda: list(_macs()), says=lambda v: (f"the MAC address {v}",))
entities("prefix_length", lambda: range(9, 31), says=lambda v: (f"/{v}",))
entities("domain", lambda: DOMAINS)
entities("idn_domain", lambda: IDN_DOMAINS)
entities("ascii_domain", _ascii_domains)
entities("user_agent", lambda: USER_AGENTS, says=lambda v: (f'the user agent "{v}"',))
entities("password", lambda: PASSWORDS, says=lambda v: (f'the password "{v}"',))
entities("service", lambda: list(PORTS))
entities("port", lambda: sorted(PORTS.values()))
