"""Science: DNA, proteins and the enzymes that cut."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from random import Random
from typing import Any

from ..entities import entities
from ..registry import HubError, Tool, found, gives, takes
from ..types import measure, sem

Response = Mapping[str, Any]

sem("dna", about="DNA sequence of A, C, G and T", high=2000, compare="name")
sem("protein", about="protein sequence in one-letter codes", high=1000, compare="name")
sem("codon", about="three letters of A, C, G and U (or T)", high=3, compare="name")
sem("enzyme", about="restriction enzyme, as EcoRI", high=15, compare="name")
sem("cutter", about="restriction enzyme, as EcoRI", high=15, compare="name", wider="enzyme")
measure("dalton", "dalton (unified atomic mass units)", 0, 1e9)

# ---------------------------------------------------------------- SequenceTools
sequences = Tool("SequenceTools", "Science", "Small tools for DNA and protein sequences.")

PAIRS = str.maketrans("ACGT", "TGCA")
AMINO_ACIDS = {
    "A": ("alanine", 71.0788),
    "R": ("arginine", 156.1875),
    "N": ("asparagine", 114.1038),
    "D": ("aspartic acid", 115.0886),
    "C": ("cysteine", 103.1388),
    "E": ("glutamic acid", 129.1155),
    "Q": ("glutamine", 128.1307),
    "G": ("glycine", 57.0519),
    "H": ("histidine", 137.1411),
    "I": ("isoleucine", 113.1594),
    "L": ("leucine", 113.1594),
    "K": ("lysine", 128.1741),
    "M": ("methionine", 131.1926),
    "F": ("phenylalanine", 147.1766),
    "P": ("proline", 97.1167),
    "S": ("serine", 87.0782),
    "T": ("threonine", 101.1051),
    "W": ("tryptophan", 186.2132),
    "Y": ("tyrosine", 163.1760),
    "V": ("valine", 99.1326),
}
# NCBI's standard table: codons in the order of T, C, A, G at each place; * is a stop.
STANDARD = "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"
CODONS = {
    a + b + c: STANDARD[16 * i + 4 * j + k]
    for i, a in enumerate("TCAG")
    for j, b in enumerate("TCAG")
    for k, c in enumerate("TCAG")
}


def _dna(text: str) -> str:
    """The sequence in upper case, without blanks; U stands for T."""
    clean = re.sub(r"\s", "", text).upper().replace("U", "T")
    if not clean or set(clean) - set("ACGT"):
        raise HubError("dna must consist of A, C, G and T", 400)
    return clean


def _protein(text: str) -> str:
    clean = re.sub(r"\s", "", text).upper()
    if not clean or set(clean) - set(AMINO_ACIDS):
        raise HubError("protein must consist of the 20 one-letter amino acid codes", 400)
    return clean


def _translated(dna: str) -> str:
    """The protein of a DNA sequence, read from its start to the first stop."""
    codons = (CODONS[dna[i : i + 3]] for i in range(0, len(dna) - 2, 3))
    return "".join(codons).split("*")[0]


@sequences.api(
    "The reverse complement of a DNA sequence.",
    {"dna": takes("dna", "ATGTTTCCGAAACTGTAGCAT")},
    {"dna": gives("dna", "the reverse complement of {dna}")},
)
def reverse_complement(dna: str) -> Response:
    return {"dna": _dna(dna).translate(PAIRS)[::-1]}


@sequences.api(
    "GC content of a DNA sequence, and its melting temperature by the Wallace rule "
    "(2 °C for each A or T, 4 °C for each G or C).",
    {"dna": takes("dna", "GATTACAGATTACAGGC")},
    {
        "gc_percent": gives(
            "percent",
            "the GC content in percent of {dna}",
            "the percentage of G and C among the bases of {dna}",
        ),
        "wallace_celsius": gives(
            "celsius", "the melting temperature in °C by the Wallace rule of {dna}"
        ),
    },
)
def gc_content(dna: str) -> Response:
    clean = _dna(dna)
    gc = clean.count("G") + clean.count("C")
    return {
        "length": len(clean),
        "gc_percent": round(100 * gc / len(clean), 3),
        "wallace_celsius": 2 * (len(clean) - gc) + 4 * gc,
    }


@sequences.api(
    "Translate DNA to protein with the standard genetic code, from the first base to the first "
    "stop codon.",
    {"dna": takes("dna", "ATGGCCATTGTAATGGGCCGCTGA")},
    {
        "protein": gives(
            "protein", "the protein sequence (one-letter codes, up to the first stop) of {dna}"
        ),
        "length": gives(
            "count",
            "the number of amino acids before the first stop codon when {dna} is translated from "
            "its first base",
        ),
    },
)
def translate(dna: str) -> Response:
    made = found(_translated(_dna(dna)), "a codon before the first stop")
    return {"protein": made, "length": len(made)}


@sequences.api(
    "The amino acid that a codon stands for in the standard genetic code.",
    {"codon": takes("codon", "GCU")},
    {
        "amino_acid": gives(
            "text",
            "the amino acid for which the codon {codon} stands in the standard genetic code",
            ask="Which amino acid does the codon {codon} code for?",
        ),
        "synonyms": gives(
            "count", "the number of codons that code for the same amino acid as {codon}, itself "
            "included",
        ),
    },
)  # fmt: skip
def codon(codon: str) -> Response:
    letter = CODONS.get(codon.upper().replace("U", "T"))
    if letter is None:
        raise HubError("codon must be three of the letters A, C, G, U", 400)
    name = "stop" if letter == "*" else AMINO_ACIDS[letter][0]
    return {"amino_acid": name, "letter": letter, "synonyms": STANDARD.count(letter)}


@sequences.api(
    "Length and average molecular mass of a protein.",
    {"protein": takes("protein", "MAIVMGR")},
    {
        "mass_da": gives(
            "dalton",
            "the average molecular mass in dalton of {protein}",
            "the molecular weight in Da of {protein}",
        )
    },
)
def protein_mass(protein: str) -> Response:
    clean = _protein(protein)
    mass = sum(AMINO_ACIDS[letter][1] for letter in clean) + 18.01524
    return {"length": len(clean), "mass_da": round(mass, 3)}


# ---------------------------------------------------------------- DnaToolkit
toolkit = Tool(
    "DnaToolkit",
    "Science",
    "Biopython's view of sequences: restriction enzymes, weights, isoelectric points.",
    ("Bio",),
)


@lru_cache(maxsize=1)
def _enzymes() -> dict[str, Any]:
    from Bio.Restriction import CommOnly

    return {str(enzyme).lower(): enzyme for enzyme in CommOnly}


def _enzyme(name: str) -> Any:
    return found(_enzymes().get(name.lower()), f"restriction enzyme {name}")


@toolkit.api(
    "Recognition site and kind of cut of a commercially available restriction enzyme (REBASE).",
    {"enzyme": takes("enzyme", "EcoRI")},
    {
        "site": gives(
            "text",
            "the recognition site of {enzyme}",
            "the DNA sequence that {enzyme} recognises",
        ),
        "size": gives("count", "the number of bases in the recognition site of {enzyme}"),
        "overhang": gives("text", "the kind of DNA end (blunt, 5' or 3' overhang) of {enzyme}"),
    },
)
def restriction_enzyme(enzyme: str) -> Response:
    known = _enzyme(enzyme)
    return {
        "site": known.site,
        "cut": known.elucidate(),
        "size": known.size,
        "overhang": known.overhang(),
    }


@toolkit.api(
    "Where a restriction enzyme cuts a linear DNA sequence.",
    {"dna": takes("dna", "AAAGAATTCTTTGAATTCGG"), "enzyme": takes("cutter", "EcoRI")},
    {
        "cuts": gives(
            "count",
            "the number of places at which {enzyme} cuts {dna}",
            ask="How often does {enzyme} cut {dna}?",
        ),
        "longest_fragment": gives(
            "count",
            "the length in bases of the longest fragment after {enzyme} has cut {dna}",
        ),
    },
)
def digest(dna: str, enzyme: str) -> Response:
    from Bio.Seq import Seq

    clean = _dna(dna)
    at = sorted(int(place) for place in _enzyme(enzyme).search(Seq(clean)))
    edges = [1, *at, len(clean) + 1]
    fragments = [b - a for a, b in pairwise(edges) if b > a]
    return {"cuts": len(at), "positions": at[:60], "longest_fragment": max(fragments)}


@toolkit.api(
    "Molecular weight of single-stranded DNA.",
    {"dna": takes("dna", "GATTACAGATTACAGGC")},
    {"weight_da": gives("dalton", "the molecular weight in dalton of a single strand of {dna}")},
)
def dna_weight(dna: str) -> Response:
    from Bio.SeqUtils import molecular_weight

    clean = _dna(dna)
    return {"length": len(clean), "weight_da": round(float(molecular_weight(clean, "DNA")), 2)}


@toolkit.api(
    "Mass, isoelectric point and hydropathy (GRAVY) of a protein.",
    {"protein": takes("protein", "MAIVMGR")},
    {
        "mass_da": gives("dalton", "the molecular mass in dalton of {protein}"),
        "isoelectric_point": gives("number", "the isoelectric point (pH) of {protein}"),
        "gravy": gives("number", "the grand average of hydropathy (Kyte and Doolittle) of "
                       "{protein}"),
    },
)  # fmt: skip
def protein_stats(protein: str) -> Response:
    from Bio.SeqUtils.ProtParam import ProteinAnalysis

    made = ProteinAnalysis(_protein(protein))
    return {
        "mass_da": round(float(made.molecular_weight()), 3),
        "isoelectric_point": round(float(made.isoelectric_point()), 3),
        "gravy": round(float(made.gravy()), 4),
    }


# ---------------------------------------------------------------- entities
# Enzymes that molecular biologists use every day.
ENZYMES = """
AluI ApaI AvaI BamHI BglI BglII BsaI ClaI DpnI DraI EagI EcoRI EcoRV FokI HaeIII HhaI HincII
HindIII HinfI HpaI HpaII KpnI MboI MluI MspI NcoI NdeI NheI NotI NruI NsiI PstI PvuI PvuII
RsaI SacI SacII SalI ScaI SmaI SpeI SphI StuI TaqI XbaI XhoI XmaI
"""
# What some of them recognise.
SITES = {
    "ApaI": "GGGCCC",
    "BamHI": "GGATCC",
    "EcoRI": "GAATTC",
    "EcoRV": "GATATC",
    "HindIII": "AAGCTT",
    "KpnI": "GGTACC",
    "PstI": "CTGCAG",
    "XhoI": "CTCGAG",
}


def _sequences() -> list[str]:
    """Open reading frames of 30 to 45 bases with a recognition site or two inside."""
    rng, sites = Random(11), list(SITES.values())
    codons = sorted(codon for codon, letter in CODONS.items() if letter != "*")
    out = []
    for _ in range(200):
        parts = [rng.choice(codons) for _ in range(rng.randint(5, 8))]
        for _ in range(rng.randint(1, 2)):
            parts.insert(rng.randrange(len(parts) + 1), rng.choice(sites))
        out.append("ATG" + "".join(parts) + rng.choice(("TAA", "TAG", "TGA")))
    return out


def _proteins() -> list[str]:
    rng = Random(12)
    letters = sorted(AMINO_ACIDS)
    return ["M" + "".join(rng.choice(letters) for _ in range(11)) for _ in range(100)]


def _codons() -> list[str]:
    return [each.replace("T", "U") for each, letter in CODONS.items() if letter != "*"]


entities("dna", _sequences, says=lambda v: (f"the DNA sequence {v}",))
entities("protein", _proteins, says=lambda v: (f"the protein {v}",))
entities("codon", _codons, aliases=lambda v: (v.replace("U", "T"),))
# Those that cut some of the sequences.
entities(
    "cutter",
    lambda: [*SITES, "AluI", "HaeIII", "HhaI", "MboI", "MspI", "RsaI", "TaqI"],
    says=lambda v: (f"the restriction enzyme {v}",),
)
entities("enzyme", ENZYMES.split, says=lambda v: (f"the restriction enzyme {v}",))
